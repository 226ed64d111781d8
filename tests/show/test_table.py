"""Tables: escaped, named for screen readers, and refused when their rows do not fit together."""

import pytest

from otrecon import show


def test_a_table_is_read_with_heads_and_names():
    made = show.table([{"peer": "<a>", "ratio": 2}, {"peer": "b", "ratio": "3×"}], caption='It is "fast" & right.')
    page = made._repr_mimebundle_()["text/html"]
    assert '<th scope="col">ratio</th>' in page
    assert '<th scope="row">&lt;a&gt;</th><td style="text-align: end">2</td>' in page
    assert page.count("It is &quot;fast&quot; &amp; right.") == 2
    assert 'role="region" tabindex="0"' in page
    assert repr(made).splitlines()[1:] == ["peer  ratio", "<a>   2", "b     3×"]
    assert made._repr_mimebundle_()["text/plain"] == repr(made)


@pytest.mark.parametrize(
    ("rows", "caption", "message"),
    [
        ([], "a", "at least one row"),
        ([{"a": 1}], " ", "needs a caption"),
        ([{"a": 1, "b": 2}, {"b": 2, "a": 1}], "a", "same heads"),
        ([{}], "a", "same heads"),
    ],
)
def test_what_is_no_table_is_refused(rows, caption, message):
    with pytest.raises(ValueError, match=message):
        show.table(rows, caption=caption)
