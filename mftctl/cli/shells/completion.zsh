#compdef mftctl
# Completion of mftctl for zsh: `source <(mftctl completion zsh)`, or as the file _mftctl in a folder of $fpath.
@TABLE@
_mftctl() {
    emulate -L zsh
    local current="${words[CURRENT]}" before found
    before=("${(@)words[2,CURRENT-1]}")
    _mftctl_program="${words[1]}"
    case "$current" in
        --*=*)
            before+=("${current%%=*}")
            compset -P '*='
            current="${current#*=}"
            ;;
    esac
    _mftctl_find "${before[@]}"
    _mftctl_choose "$current"
    if [ "$_mftctl_wants" = files ]; then
        _files
        return
    fi
    found=("${(@f)$(_mftctl_candidates "$_mftctl_wants" "$current" -- "${before[@]}")}")
    found=("${(@)found:#}")
    compadd -- "${found[@]}"
}
if [ "${funcstack[1]}" = _mftctl ]; then
    _mftctl "$@"
else
    compdef _mftctl mftctl
fi
