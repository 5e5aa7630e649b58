# Completion of mftctl for bash: `source <(mftctl completion bash)`.
@TABLE@
_mftctl() {
    local current="${COMP_WORDS[COMP_CWORD]}" IFS=$'\n'
    local before=("${COMP_WORDS[@]:1:COMP_CWORD-1}")
    _mftctl_program="${COMP_WORDS[0]}"
    if [ "$current" = "=" ]; then
        current=""
    fi
    _mftctl_find "${before[@]}"
    _mftctl_choose "$current"
    if [ "$_mftctl_wants" = files ]; then
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -f -- "$current"))
        return
    fi
    COMPREPLY=($(compgen -W "$(_mftctl_candidates "$_mftctl_wants" "$current" -- "${before[@]}")" -- "$current"))
}
complete -F _mftctl mftctl
