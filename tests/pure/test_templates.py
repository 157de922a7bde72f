"""Templates: `{name}` is replaced, doubled braces are braces, a lone one is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import InvalidValueError
from bridge.model.templates import Template

names = st.text(st.characters(exclude_characters="{}\0", exclude_categories=["Cs"]), min_size=1, max_size=8)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.tuples(texts, names)), texts, st.dictionaries(names, texts))
def test_literal_texts_stay_and_every_name_becomes_its_value(
    pieces: list[tuple[str, str]], last: str, values: dict[str, str]
) -> None:
    values = {name: values.get(name, f"value of {name}") for _, name in pieces}
    written = "".join(f"{escaped(text)}{{{name}}}" for text, name in pieces) + escaped(last)

    template = Template.parse(written)

    assert template.names == tuple(name for _, name in pieces)
    assert template.expand(values) == "".join(text + values[name] for text, name in pieces) + last


def escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("", ""),
        ("plain", "plain"),
        ("{a}", "1"),
        ("{a}{b}", "12"),
        ("x{a}y{b}z", "x1y2z"),
        ("{{a}}", "{a}"),
        ("{{{a}}}", "{1}"),
        ("{{}}", "{}"),
        ("{number}", "5"),
        ("{missing}.", "."),
        ("two\nlines {a}", "two\nlines 1"),
        ("$HOME %d \\n", "$HOME %d \\n"),
    ],
)
def test_a_template_expands_as_written(text: str, expanded: str) -> None:
    assert Template.parse(text).expand({"a": "1", "b": "2", "number": 5}) == expanded


def test_a_value_is_put_in_as_it_is_and_not_expanded_again() -> None:
    assert Template.parse("{a}").expand({"a": "{b}", "b": "secret"}) == "{b}"


@pytest.mark.parametrize("text", ["{", "}", "{a", "a}", "{a}}", "{{a}", "{a{b}}", "}{", "{a} {"])
def test_a_brace_without_its_other_half_is_refused_and_says_how_to_write_it(text: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        Template.parse(text)

    assert str(caught.value) == f"{text!r} has a lone brace; write {{{{ or }}}} for the brace itself"


def test_a_template_without_a_name_is_refused() -> None:
    with pytest.raises(InvalidValueError, match=r"'a \{\}' has a template without a name; write \{name\}"):
        Template.parse("a {}")


def test_nul_is_refused_because_no_argument_can_hold_it() -> None:
    with pytest.raises(InvalidValueError, match="holds NUL"):
        Template.parse("a\0b")


@given(st.text("{}ab", max_size=12))
def test_no_text_leads_to_anything_but_a_template_or_the_named_error(text: str) -> None:
    try:
        template = Template.parse(text)
    except InvalidValueError:
        return
    assert len(template.texts) == len(template.names) + 1
