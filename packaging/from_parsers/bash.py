"""The completion for bash. It needs nothing but bash: the package bash-completion only loads it."""

from collections.abc import Iterator, Sequence

from spoken import OFFERED, SOURCES, Kind, Verb

_SCRIPT = r"""# What bash completes behind hwbridge. Made by packaging/from_parsers/make.py from what --help knows.

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
@values@
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
            @with_value@) if [[ ${COMP_WORDS[at + 1]} == = ]]; then ((at += 2)); else ((at++)); fi ;;
            -*) ;;
            = | :) ((at++)) ;; # what goes on behind it is the same word
            *) if [[ -z $verb ]]; then verb=${COMP_WORDS[at]}; else ((place++)); fi ;;
        esac
    done
    if [[ -n $split ]]; then ((place--)); fi # the beginning of $word was taken for a word of its own
    case $before in
@before@
    esac
    case $verb in
@verbs@
    esac
    if [[ $word == -* ]]; then
        _hwbridge_words "$options"
        return
    fi
    case $verb:$place in
@places@
    esac
}

complete -F _hwbridge hwbridge
"""


def script(verbs: Sequence[Verb]) -> str:
    """The whole script."""
    with_value = sorted({name for verb in verbs for each in verb.options if each.value for name in each.names})
    parts = {
        "@values@": _values(),
        "@with_value@": " | ".join(with_value),
        "@before@": _before(verbs),
        "@verbs@": _verbs(verbs),
        "@places@": _places(verbs),
    }
    made = _SCRIPT
    for mark, part in parts.items():
        made = made.replace(mark, part.rstrip("\n"))
    return made


def _values() -> str:
    lines = [f"        {kind.value}) _hwbridge_offered {kind.value} ;;\n" for kind in OFFERED]
    lines += [
        f"        {Kind.SOURCE.value}) _hwbridge_words {' '.join(SOURCES)} ;;\n",
        f"        {Kind.FILE.value}) compopt -o default 2>/dev/null ;;\n",
        f"        {Kind.DIRECTORY.value}) compopt -o dirnames 2>/dev/null ;;\n",
        f'        "{Kind.TASK_OR_FILE.value}") compopt -o default 2>/dev/null; _hwbridge_offered tasks ;;\n',
    ]
    return "".join(lines)


def _before(verbs: Sequence[Verb]) -> str:
    """What stands for the value of an option, by the option before it; each means the same behind all verbs."""
    kinds: dict[str, Kind] = {}
    for option in (option for verb in verbs for option in verb.options if option.value):
        for name in option.names:
            if kinds.setdefault(name, option.kind) is not option.kind:
                raise SystemExit(f"{name}: its value is another thing behind another verb")
    by_kind = {kind: sorted(name for name in kinds if kinds[name] is kind) for kind in Kind}
    return "".join(_case(" | ".join(names), kind, " return") for kind, names in by_kind.items() if names)


def _case(pattern: str, kind: Kind, more: str = "") -> str:
    offer = "" if kind is Kind.ANYTHING else f'_hwbridge_value "{kind.value}"'
    return f"        {pattern}) {offer}{';' if offer and more else ''}{more.lstrip() if not offer else more} ;;\n"


def _verbs(verbs: Sequence[Verb]) -> str:
    names = " ".join(verb.name for verb in verbs)
    lines = [
        f'        "") if [[ $word == -* ]]; then options="--help --version"; else _hwbridge_words {names}; fi ;;\n'
    ]
    for verb in verbs:
        options = " ".join(name for option in verb.options for name in option.names if name.startswith("--"))
        lines.append(f'        {verb.name}) options="{options}" ;;\n')
    return "".join(lines)


def _places(verbs: Sequence[Verb]) -> str:
    return "".join(line for verb in verbs for line in _places_of(verb))


def _places_of(verb: Verb) -> Iterator[str]:
    for place, word in enumerate(verb.words):
        if word.kind is not Kind.ANYTHING:
            yield _case(f"{verb.name}:{'*' if word.repeats else place}", word.kind)
