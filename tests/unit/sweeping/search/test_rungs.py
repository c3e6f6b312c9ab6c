"""Successive halving by hand and by its invariants."""

from hypothesis import given
from hypothesis import strategies as st

from tunesmith.sweeping.search.rungs import Halving


def test_the_first_is_paused_and_the_better_of_two_goes_on():
    halving = Halving((0.25, 0.5))
    assert halving.report(0, 0, 0.6) == "pause", "one of one is no half"
    assert halving.promote() is None
    assert halving.report(1, 0, 0.5) == "pause", "the other is better"
    assert halving.promote() == 0
    assert halving.promote() is None, "one of two, no more"
    assert halving.report(2, 0, 0.7) == "pause", "one of three has gone on already"
    assert halving.report(3, 0, 0.8) == "continue", "the second place of four"
    assert halving.report(0, 1, 0.61) == "pause"
    assert halving.report(3, 1, 0.81) == "continue"
    assert [sorted(rung.promoted) for rung in halving.rungs] == [[0, 3], [3]]


def test_the_higher_rung_comes_first_and_equal_values_go_by_number():
    halving = Halving((0.25, 0.5))
    for number in range(4):
        halving.report(number, 0, 0.5)
    assert [halving.promote(), halving.promote(), halving.promote()] == [0, 1, None]
    halving.report(0, 1, 0.5)
    for number in range(4, 8):
        halving.report(number, 0, 0.1)
    halving.report(1, 1, 0.4)
    assert [halving.promote(), halving.promote(), halving.promote()] == [0, 2, 3]


def test_a_third_goes_on_where_the_reduction_is_three():
    halving = Halving((0.5,), reduction=3)
    assert [halving.report(number, 0, value) for number, value in enumerate((3.0, 1.0, 2.0))] == ["pause"] * 3
    assert halving.promote() == 0
    assert [halving.report(number, 0, value) for number, value in ((3, 9.0), (4, 8.0), (5, 7.0))] == ["pause"] * 2 + [
        "pause"
    ]
    assert halving.promote() == 3


def test_without_pauses_the_best_so_far_goes_on_and_the_rest_is_stopped():
    halving = Halving((0.5,), pauses=False)
    answers = [halving.report(number, 0, value) for number, value in enumerate((0.5, 0.4, 0.6, 0.45, 0.1))]
    assert answers == ["continue", "stop", "continue", "stop", "stop"]
    halving.report(5, 0, 0.0)
    assert halving.promote() is None, "trial 3 is gone, though it would be among the best three of six by now"


def test_a_failed_trial_holds_no_place():
    halving = Halving((0.5,))
    for number, value in enumerate((0.9, 0.5)):
        halving.report(number, 0, value)
    assert halving.promote() == 0
    halving.forget(0)
    assert halving.report(2, 0, 0.4) == "pause"
    assert halving.promote() == 1


def test_what_was_given_up_counts_and_does_not_come_back():
    halving = Halving((0.5,))
    halving.report(0, 0, 0.9)
    halving.mark_pruned(0)
    halving.report(1, 0, 0.5)
    assert halving.promote() is None, "the place belongs to the better one, which is gone"


def test_only_who_is_ready_goes_on():
    halving = Halving((0.5,))
    for number, value in enumerate((0.9, 0.8, 0.1, 0.2)):
        halving.report(number, 0, value)
    assert halving.promote({1, 2, 3}) == 1, "trial 0 is still writing its checkpoint"
    assert halving.promote({2, 3}) is None
    assert halving.promote({0, 2, 3}) == 0


def test_restored_as_it_was():
    halving = Halving((0.25, 0.5))
    values = {0: {0: 0.6, 1: 0.61}, 1: {0: 0.5}, 2: {0: 0.7}, 3: {0: 0.8, 1: 0.81}}
    states = {0: "paused", 1: "pruned", 2: "paused", 3: "interrupted"}
    for number in values:
        halving.restore(number, values[number], states[number])
    assert [sorted(rung.promoted) for rung in halving.rungs] == [[0, 3], [3]]
    assert [sorted(rung.ended) for rung in halving.rungs] == [[1], []]


values = st.floats(0, 1, allow_nan=False)


@given(st.lists(st.tuples(values, st.booleans(), st.integers(0, 9)), min_size=1, max_size=30), st.integers(2, 4))
def test_never_more_than_its_share_is_promoted_and_only_from_the_best(events, reduction):
    """Trials arrive one by one; between them some are promoted, reach the next rung or fail, as the draw says."""
    halving = Halving((0.25, 0.5), reduction)
    underway: list[tuple[int, int]] = []

    def check():
        for rung in halving.rungs:
            assert len(rung.promoted) <= len(rung.values) // reduction

    def gone_on(number):
        place = 1 if number in halving.rungs[1].values else 0
        rung = halving.rungs[place]
        ahead = sum(value > rung.values[number] for value in rung.values.values())
        assert ahead < len(rung.values) // reduction, "it was among the best when it went on"
        if place == 0:
            underway.append((number, 1))

    for number, (value, promotes, which) in enumerate(events):
        if halving.report(number, 0, value) == "continue":
            gone_on(number)
        check()
        while promotes and (found := halving.promote()) is not None:
            gone_on(found)
            check()
        if underway and which < len(underway):
            climber, rung = underway.pop(which)
            if which == 9:
                halving.forget(climber)
            elif halving.report(climber, rung, value) == "continue":
                gone_on(climber)
        check()
    while (found := halving.promote()) is not None:
        gone_on(found)
        check()
