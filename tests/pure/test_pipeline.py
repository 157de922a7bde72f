"""The pipeline: facts in, decisions out, in order; and nothing by itself."""

from itertools import count
from textwrap import dedent

from hypothesis import given
from hypothesis import strategies as st

from bridge.dispatch.decisions import Activate, Cancel, Completed, Finished, Heard, Kill
from bridge.dispatch.kept import Kept
from bridge.mapping.load.rules import load_rules
from bridge.mapping.memory import LevelTurned, Memory, RaisedThisBoot
from bridge.mapping.table import RuleTable
from bridge.model.events import DeviceGone, Event, Origin
from bridge.model.guid import Guid
from bridge.model.tasks import CancellationReason, InstanceState
from bridge.model.triggers import Raised
from bridge.pipeline.facts import Declared, Stopping
from bridge.pipeline.load.tasks import load_tasks
from bridge.pipeline.pipeline import Fact, Outcome, Pipeline
from bridge.toml.document import parse

JACK = "{9118718B-FF80-4AFE-BAF1-D88A4525F3AB}"
NODE = "/dev/input/event3"
RULES = f"""\
    [[rule]]
    name = "in"
    source = "evdev"
    match = {{ code = "SW_HEADPHONE_INSERT", value = 1 }}
    raise = "{JACK}"
    edge = true
    start_state = "if-changed"

    [[rule]]
    name = "boot"
    source = "evdev"
    match = {{ code = "SW_LID" }}
    raise = "{JACK}"
    key = ""
    start_state = "boot"
    """
TASKS = f"""\
    [[task]]
    name = "one"
    triggers = [{{ custom = "{JACK}" }}]
    run = {{ exec = ["/bin/true"] }}

    [[task]]
    name = "two"
    triggers = [{{ custom = "{JACK}" }}]
    run = {{ exec = ["/bin/true"] }}
    concurrency = "queue"
    run_limit = "1s"
    cancel_grace = "1s"
    """


def declared(rules: str = RULES, tasks: str = TASKS, at: int = 0) -> Declared:
    table, problems = load_rules([parse("rules.toml", dedent(rules).encode())])
    registrations, more = load_tasks([parse("tasks.toml", dedent(tasks).encode())], table)
    assert [*problems, *more] == []
    return Declared(at=at, rules=table, tasks=registrations)


def pipeline_of(fact: Declared, memory: Memory | None = None) -> Pipeline:
    ids = count(1)
    pipeline = Pipeline(lambda: str(next(ids)), memory)
    assert pipeline.receive(fact) == []
    return pipeline


def switch(value: int, at: int = 0, code: str = "SW_HEADPHONE_INSERT", origin: Origin = Origin.LIVE) -> Event:
    return Event("evdev", at, {"device": NODE, "type": "EV_SW", "code": code, "value": value}, origin)


def kinds(outcomes: object) -> list[type]:
    assert isinstance(outcomes, list | tuple)
    return [type(each) for each in outcomes]


def test_an_event_leads_to_a_raise_and_the_raise_to_its_tasks_at_its_own_time() -> None:
    outcomes = pipeline_of(declared()).receive(switch(1, at=104_000))

    assert kinds(outcomes) == [Raised, Heard, Activate, Activate, Kept, Kept, LevelTurned]
    assert [each.at for each in outcomes if isinstance(each, Raised | Activate)] == [104_000] * 3


def test_an_event_that_no_rule_asks_about_leads_to_nothing() -> None:
    assert pipeline_of(declared()).receive(switch(1, code="SW_DOCK")) == ()


def test_a_caller_raises_without_a_rule() -> None:
    raised = Raised(at=5, trigger=Guid(JACK), rule=None, key="k", details={"a": "b"})
    outcomes = pipeline_of(declared()).receive(raised)

    assert outcomes[0] == raised
    assert [each.instance.raised for each in outcomes if isinstance(each, Activate)] == [raised, raised]


def test_a_run_goes_from_its_start_over_cancel_and_kill_to_its_end() -> None:
    pipeline = pipeline_of(declared())
    pipeline.receive(switch(1, at=10))

    assert pipeline.deadline == 1_000_010
    assert [type(each) for each in pipeline.advance(1_000_010)] == [Cancel]
    assert pipeline.deadline == 2_000_010
    assert [type(each) for each in pipeline.advance(2_000_010)] == [Kill]
    finished, *_ = pipeline.receive(Completed(at=2_000_011, instance_id="2", succeeded=False, detail="killed"))
    assert isinstance(finished, Finished)
    assert (finished.state, finished.detail) == (InstanceState.FAILED, "killed")


def test_a_device_that_goes_takes_its_level_and_starts_nothing() -> None:
    pipeline = pipeline_of(declared())
    pipeline.receive(switch(1))

    assert kinds(pipeline.receive(DeviceGone("evdev", 1, NODE))) == [LevelTurned]
    assert Raised in kinds(pipeline.receive(switch(1, at=2)))


def test_a_reload_keeps_levels_and_runs_and_tells_what_is_forgotten() -> None:
    pipeline = pipeline_of(declared())
    pipeline.receive(switch(1))

    assert pipeline.receive(declared(at=1)) == []
    assert not pipeline.receive(switch(1, at=2))
    assert pipeline.dispatcher.running == 2
    assert kinds(pipeline.receive(declared(rules="", at=3))) == [LevelTurned]
    assert pipeline.rules.rules == ()


def test_what_the_store_kept_is_what_the_next_pipeline_knows() -> None:
    first = pipeline_of(declared())
    outcomes = [*first.receive(switch(1)), *first.receive(switch(0, code="SW_LID"))]
    memory = Memory(
        raised_this_boot={(each.rule, each.key) for each in outcomes if isinstance(each, RaisedThisBoot)},
        true={(each.rule, each.subject) for each in outcomes if isinstance(each, LevelTurned) and each.true},
    )
    found = [switch(1, origin=Origin.START), switch(0, code="SW_LID", origin=Origin.START)]

    after_restart, from_nothing = pipeline_of(declared(), memory), pipeline_of(declared())
    assert [kinds(after_restart.receive(event)) for event in found] == [[], []]
    assert [Raised in kinds(from_nothing.receive(event)) for event in found] == [True, True]


def test_a_stop_cancels_every_run_as_terminating() -> None:
    pipeline = pipeline_of(declared())
    pipeline.receive(switch(1))
    canceled = pipeline.receive(Stopping(at=1))

    assert [each.reason for each in canceled if isinstance(each, Cancel)] == [CancellationReason.Terminating] * 2


def test_a_pipeline_without_rules_and_tasks_has_nothing_to_do() -> None:
    pipeline = pipeline_of(Declared(at=0, rules=RuleTable(), tasks=()))

    assert pipeline.receive(switch(1)) == ()
    assert (pipeline.deadline, list(pipeline.advance(10**12))) == (None, [])


facts = st.lists(
    st.one_of(
        st.builds(switch, st.integers(0, 1), code=st.sampled_from(["SW_HEADPHONE_INSERT", "SW_LID"])),
        st.just(DeviceGone("evdev", 0, NODE)),
        st.builds(lambda number: Completed(at=0, instance_id=str(number), succeeded=True), st.integers(1, 9)),
        st.just(declared()),
        st.just(Stopping(at=0)),
    ),
    max_size=30,
)


def told(facts: list[Fact]) -> list[Outcome]:
    pipeline = pipeline_of(declared())
    return [outcome for fact in facts for outcome in pipeline.receive(fact)]


@given(facts)
def test_the_same_facts_lead_to_the_same_decisions(facts: list[Fact]) -> None:
    assert told(facts) == told(facts)
