"""Which cameras `views=` names, and the advice to leave others out."""

import pytest

from diffproxy.cameras.views import chosen_names, without
from diffproxy.utils.errors import InputError

NAMES = ["a", "b", "c"]


def test_names_are_chosen_in_their_order():
    assert chosen_names("all", NAMES) == chosen_names(" ", NAMES) == NAMES
    assert chosen_names(" c, a ", NAMES) == ["c", "a"]


@pytest.mark.parametrize("views", ["a,d", "a,a", ",", "All"])
def test_unknown_double_and_no_names_are_refused(views):
    with pytest.raises(InputError, match="views among a, b, c, each once"):
        chosen_names(views, NAMES)


def test_advice_is_what_views_reads():
    advice = without(["b"], NAMES)
    assert advice == "leave b out: views=a,c"
    assert chosen_names(advice.partition("views=")[2], NAMES) == ["a", "c"]
    assert without(["a", "b"], NAMES, "add frames") == "add frames"  # one camera alone is no way out
    assert without([], NAMES) == ""
