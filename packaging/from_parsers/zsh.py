"""The completion for zsh."""

from collections.abc import Sequence

from spoken import OFFERED, SOURCES, Kind, Option, Verb, Word

_SCRIPT = r"""#compdef hwbridge
# What zsh completes behind hwbridge. Made by packaging/from_parsers/make.py from what --help knows.

# Words of a kind that the daemon knows
_hwbridge_offered() {
    local -a known
    known=("${(@f)$(_call_program $1 hwbridge complete $1 ${words} 2>/dev/null)}")
    known=(${known:#})
    _wanted $1 expl ${1%s} compadd -a known
}

_hwbridge_task_or_file() {
    _alternative 'tasks:task: _hwbridge_offered tasks' 'files:recording:_files'
}

_hwbridge() {
    local curcontext=$curcontext state line expl
    local -a verbs
    verbs=(
@verbs@
    )
    _arguments -C '(- : *)'{-h,--help}'[show the help]' '(- : *)--version[show the version]' \
        ':verb:->verb' '*::word:->words' && return
    case $state in
        verb) _describe -t verbs verb verbs ;;
        words)
            case $words[1] in
@words@
            esac
            ;;
    esac
}

_hwbridge "$@"
"""
_ACTIONS = {
    **{kind: f" _hwbridge_offered {kind.value}" for kind in OFFERED},
    Kind.SOURCE: f"({' '.join(SOURCES)})",
    Kind.FILE: "_files",
    Kind.DIRECTORY: "_files -/",
    Kind.TASK_OR_FILE: " _hwbridge_task_or_file",
    Kind.ANYTHING: "",
}


def script(verbs: Sequence[Verb]) -> str:
    """The whole script."""
    listed = "\n".join(f"        {_quoted(f'{verb.name}:{verb.summary}')}" for verb in verbs)
    words = "\n".join(_words(verb) for verb in verbs)
    return _SCRIPT.replace("@verbs@", listed).replace("@words@", words)


def _words(verb: Verb) -> str:
    specs = [*map(_option, verb.options), *map(_word, verb.words)]
    lines = " \\\n".join(f"                        {_quoted(spec)}" for spec in specs)
    return f"                {verb.name})\n                    _arguments -s \\\n{lines}\n                    ;;"


def _option(option: Option) -> str:
    name = option.names[-1]
    if not option.value:
        return f"{name}[{_plain(option.help)}]"
    often = "*" if option.repeats else ""
    return f"{often}{name}=[{_plain(option.help)}]:{_plain(option.value)}:{_ACTIONS[option.kind]}"


def _word(word: Word) -> str:
    begin = "*" if word.repeats else ":" if word.optional else ""
    return f"{begin}:{_plain(word.value)}:{_ACTIONS[word.kind]}"


def _plain(text: str) -> str:
    return "".join(f"\\{character}" if character in r"[]:\`$" else character for character in text)


def _quoted(text: str) -> str:
    inner = text.replace("'", "'\\''")
    return f"'{inner}'"
