"""The completion for fish."""

from collections.abc import Iterator, Sequence

from spoken import OFFERED, SOURCES, Kind, Option, Verb

_BEGIN = r"""# What fish completes behind hwbridge. Made by packaging/from_parsers/make.py from what --help knows.

# Words of a kind that the daemon knows
function __hwbridge_offered
    set -l said (commandline -opc)
    command hwbridge complete $argv[1] $said[2..-1] 2>/dev/null
end

function __hwbridge_verb_is
    set -l said (commandline -opc)
    set -q said[2]; and test "$said[2]" = $argv[1]
end

function __hwbridge_no_verb
    test (count (commandline -opc)) -eq 1
end

complete -c hwbridge -f
complete -c hwbridge -n __hwbridge_no_verb -s h -l help -d 'show the help'
complete -c hwbridge -n __hwbridge_no_verb -l version -d 'show the version'
"""
_VALUES = {
    **{kind: f" -x -a '(__hwbridge_offered {kind.value})'" for kind in OFFERED},
    Kind.SOURCE: f" -x -a '{' '.join(SOURCES)}'",
    Kind.FILE: " -r -F",
    Kind.DIRECTORY: " -x -a '(__fish_complete_directories)'",
    Kind.ANYTHING: " -x",
}
_WORDS = {
    **{kind: f" -a '(__hwbridge_offered {kind.value})'" for kind in OFFERED},
    Kind.FILE: " -F",
    Kind.TASK_OR_FILE: " -F -a '(__hwbridge_offered tasks)'",
}


def script(verbs: Sequence[Verb]) -> str:
    """The whole script."""
    lines = [line for verb in verbs for line in _verb(verb)]
    return _BEGIN + "".join(f"{line}\n" for line in lines)


def _verb(verb: Verb) -> Iterator[str]:
    yield ""
    yield f"complete -c hwbridge -n __hwbridge_no_verb -a {verb.name} -d {_quoted(verb.summary)}"
    begin = f"complete -c hwbridge -n '__hwbridge_verb_is {verb.name}'"
    for option in verb.options:
        yield begin + _option(option)
    for kind in dict.fromkeys(word.kind for word in verb.words):
        if kind in _WORDS:
            yield begin + _WORDS[kind]


def _option(option: Option) -> str:
    names = "".join(f" -l {name[2:]}" if name.startswith("--") else f" -s {name[1:]}" for name in option.names)
    value = _VALUES[option.kind] if option.value else ""
    return f"{names}{value} -d {_quoted(option.help)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
