# Completion of mftctl for fish: `mftctl completion fish | source`.
function __mftctl_at
    set -l found
    for word in (commandline -opc)[2..-1]
        string match -q -- '-*' $word; and continue
        set -a found $word
        contains -- $word @GROUPS@; and test (count $found) -eq 1; or break
    end
    test "$argv[1]" = "$found"
end

function __mftctl_names
    set -l words (commandline -opc)
    $words[1] __complete $argv[1] (commandline -ct) -- $words[2..-1] 2>/dev/null </dev/null
end

complete -c mftctl -f
