"""`people.json`: written, and read for the results of a take."""

import pytest

from diffproxy.utils.errors import InputError
from diffproxy.utils.people_file import (
    COLORS,
    ListedPerson,
    color_of,
    folder_name,
    id_of_folder,
    read_results,
    rgb_of,
    write_people,
)

SEEN = {"status": "ok", "views": ["left", "right"]}
LOST = {"status": "predicted", "views": []}


def test_people_are_listed_with_their_frames(tmp_path, people_of):
    people = [
        ListedPerson(0, {3: SEEN, 4: LOST, 5: SEEN}, more={"note": 1}),
        ListedPerson(7, {5: SEEN}, False),
    ]
    frames = {5: {"focal_px": 500.0}}
    write_people(tmp_path, "rig", ["left", "right"], people, frames, [{"camera": "left"}], ["a mirror"])
    content = people_of(tmp_path)
    first, last = content["people"]
    assert first["status"] == {"ok": 2, "predicted": 1} and first["note"] == 1
    assert (first["first_frame"], first["last_frame"], first["frames"]["4"]) == (3, 5, LOST)
    assert (first["result"], last["result"]) == ("person_00/result.npz", None)
    assert content["frames"] == {"5": {"focal_px": 500.0}}
    assert content["one_view"] == [{"camera": "left"}] and content["notes"] == ["a mirror"]


def test_results_are_those_of_the_people_listed_in_the_order_of_their_ids(tmp_path):
    ids = (0, 2, 99, 100)
    write_people(tmp_path, "rig", ["left"], [ListedPerson(i, {0: LOST}, i != 2) for i in reversed(ids)])
    for i in (0, 1, 2, 100, 99):  # 1 is of an earlier run, 2 was not asked for
        (tmp_path / folder_name(i)).mkdir()
        (tmp_path / folder_name(i) / "result.npz").touch()
    assert [p.parent.name for p in read_results(tmp_path).paths] == ["person_00", "person_99", "person_100"]


@pytest.mark.parametrize(
    "content",
    ["[]", "{}", '{"format": "diffproxy-people", "version": 2, "people": []}', "null", "{",
     '{"format": "diffproxy-people", "version": 1, "people": [{"id": "0"}]}',
     '{"format": "diffproxy-people", "version": 1, "people": [{"id": true}]}',
     '{"format": "diffproxy-people", "version": 1, "people": [[0]]}'],
)  # fmt: skip
def test_another_file_is_refused(tmp_path, content):
    (tmp_path / "people.json").write_text(content)
    with pytest.raises(InputError, match=r"people\.json"):
        read_results(tmp_path)


def test_a_number_that_json_cannot_hold_is_an_error(tmp_path):
    person = ListedPerson(0, {0: {**LOST, "depth_m": float("nan")}})
    with pytest.raises(ValueError, match="JSON"):
        write_people(tmp_path, "picture", ["picture"], [person])
    assert not (tmp_path / "people.json").exists()


def test_names_and_colours_of_folders():
    assert [id_of_folder(folder_name(i)) for i in (0, 12, 345)] == [0, 12, 345]
    assert [id_of_folder(name) for name in ("person_notes", "person00", "person_", "a/person_00")] == [
        None
    ] * 4
    assert (
        len({color_of(i) for i in range(len(COLORS))}) == len(COLORS) and color_of(len(COLORS)) == COLORS[0]
    )
    assert rgb_of(0) == pytest.approx((0x4E / 255, 0xA3 / 255, 0xF1 / 255))
