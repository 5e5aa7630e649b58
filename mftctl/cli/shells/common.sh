# Which command the words before the cursor name, and what the last of them wants to follow it.
_mftctl_find() {
    local word left=0
    _mftctl_at="" _mftctl_wants=""
    for word in "$@"; do
        case "$word" in
            =) continue ;;
        esac
        if [ "$left" -gt 0 ]; then
            left=$((left - 1))
            continue
        fi
        case "$word" in
            --*=*) ;;
            -*)
                _mftctl_option "$_mftctl_at" "$word"
                left=$_mftctl_takes
                ;;
            *)
                if _mftctl_node "${_mftctl_at:+$_mftctl_at }$word"; then
                    _mftctl_at="${_mftctl_at:+$_mftctl_at }$word"
                fi
                ;;
        esac
    done
    _mftctl_node "$_mftctl_at"
    if [ "$left" -gt 0 ]; then
        _mftctl_wants="${_mftctl_kind:-nothing}"
    fi
}

# The candidates for a kind of word, one a line.
_mftctl_candidates() {
    local kind="$1"
    shift
    case "$kind" in
        :*) printf '%s\n' "${kind#:}" | tr '|' '\n' ;;
        deployments | runs | profiles) "$_mftctl_program" __complete "$kind" "$@" 2>/dev/null </dev/null ;;
        below) printf '%s\n' "$_mftctl_below" | tr ' ' '\n' ;;
        options) printf '%s\n' "$_mftctl_options" | tr ' ' '\n' ;;
    esac
}

# What is to be completed where the word under the cursor has begun so.
_mftctl_choose() {
    if [ -n "$_mftctl_wants" ]; then
        return
    fi
    case "$1" in
        -*) _mftctl_wants=options ;;
        *)
            if [ -n "$_mftctl_below" ]; then
                _mftctl_wants=below
            else
                _mftctl_wants="$_mftctl_argument"
            fi
            ;;
    esac
}
