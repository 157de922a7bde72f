# What bash completes behind hwbridge. Made by packaging/from_parsers/make.py from what --help knows.

# Adds what begins with $word, of the words of a kind that the daemon knows
_hwbridge_offered() {
    local known
    compopt -o filenames 2>/dev/null # so that bash quotes blanks in them
    while IFS= read -r known; do
        if [[ $known == "$word"* ]]; then COMPREPLY+=("${known#"$split"}"); fi
    done < <("${COMP_WORDS[0]}" complete "$1" "${COMP_WORDS[@]:1}" 2>/dev/null)
}

# Adds those of the words that begin with $word
_hwbridge_words() {
    local known
    while IFS= read -r known; do COMPREPLY+=("$known"); done < <(compgen -W "$*" -- "$word")
}

_hwbridge_value() {
    case $1 in
        tasks) _hwbridge_offered tasks ;;
        triggers) _hwbridge_offered triggers ;;
        groups) _hwbridge_offered groups ;;
        instances) _hwbridge_offered instances ;;
        sources) _hwbridge_words device evdev network serial system.clock system.network system.power system.session udev ;;
        files) compopt -o default 2>/dev/null ;;
        directories) compopt -o dirnames 2>/dev/null ;;
        "tasks or files") compopt -o default 2>/dev/null; _hwbridge_offered tasks ;;
    esac
}

_hwbridge() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} split="" verb="" options="" place=0 at
    COMPREPLY=()
    if [[ $word == = ]]; then # --option=value is three words here
        word=""
    elif [[ $before == = ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case $word in [\"\']*) word=${word:1} ;; esac
    word=${word//\\/}
    local typed=${COMP_LINE:0:COMP_POINT}
    typed=${typed##*[[:space:]=]}
    if [[ $typed == *:* && $typed != *[\"\'\\]* ]]; then # a colon separates words here
        word=$typed split=${typed%:*}:
    fi
    for ((at = 1; at < COMP_CWORD; at++)); do
        case ${COMP_WORDS[at]} in
            --config | --count | --data | --event | --expect | --for | --from | --group | --key | --limit | --play | --quiet | --rule | --rules | --since | --socket | --source | --speed | --state | --task | --tasks | --timeout | --to | --trigger | --until) if [[ ${COMP_WORDS[at + 1]} == = ]]; then ((at += 2)); else ((at++)); fi ;;
            -*) ;;
            = | :) ((at++)) ;; # what goes on behind it is the same word
            *) if [[ -z $verb ]]; then verb=${COMP_WORDS[at]}; else ((place++)); fi ;;
        esac
    done
    if [[ -n $split ]]; then ((place--)); fi # the beginning of $word was taken for a word of its own
    case $before in
        --task) _hwbridge_value "tasks"; return ;;
        --trigger) _hwbridge_value "triggers"; return ;;
        --group) _hwbridge_value "groups"; return ;;
        --source) _hwbridge_value "sources"; return ;;
        --config | --expect | --play | --socket) _hwbridge_value "files"; return ;;
        --rules | --state | --tasks) _hwbridge_value "directories"; return ;;
        --count | --data | --event | --for | --from | --key | --limit | --quiet | --rule | --since | --speed | --timeout | --to | --until) return ;;
    esac
    case $verb in
        "") if [[ $word == -* ]]; then options="--help --version"; else _hwbridge_words run check replay record explain raise wait start cancel list show unregister reset history monitor status progress; fi ;;
        run) options="--help --rules --tasks --socket --user --system --config --state --play --verbose" ;;
        check) options="--help --rules --tasks --user --system --json" ;;
        replay) options="--help --rules --tasks --user --system --from --to --until --speed --run --json --expect" ;;
        record) options="--help --rules --source --config --for --count --quiet --blank-keys" ;;
        explain) options="--help --task --event --rules --tasks --rule --json --socket --user --system" ;;
        raise) options="--help --data --key --wait --socket --user --system" ;;
        wait) options="--help --timeout --key --json --socket --user --system" ;;
        start) options="--help --data --key --socket --user --system" ;;
        cancel) options="--help --socket --user --system" ;;
        list) options="--help --group --json --socket --user --system" ;;
        show) options="--help --json --socket --user --system" ;;
        unregister) options="--help --cancel-task --socket --user --system" ;;
        reset) options="--help --socket --user --system" ;;
        history) options="--help --task --limit --since --json --socket --user --system" ;;
        monitor) options="--help --since --task --trigger --events --json --socket --user --system" ;;
        status) options="--help --socket --user --system --json" ;;
        progress) options="--help --socket --user --system" ;;
    esac
    if [[ $word == -* ]]; then
        _hwbridge_words "$options"
        return
    fi
    case $verb:$place in
        check:*) _hwbridge_value "files" ;;
        replay:*) _hwbridge_value "files" ;;
        record:0) _hwbridge_value "files" ;;
        explain:*) _hwbridge_value "tasks or files" ;;
        raise:0) _hwbridge_value "triggers" ;;
        wait:0) _hwbridge_value "triggers" ;;
        start:0) _hwbridge_value "tasks" ;;
        cancel:0) _hwbridge_value "instances" ;;
        show:0) _hwbridge_value "tasks" ;;
        unregister:0) _hwbridge_value "tasks" ;;
        reset:0) _hwbridge_value "tasks" ;;
    esac
}

complete -F _hwbridge hwbridge
