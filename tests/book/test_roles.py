import pytest

docutils = pytest.importorskip("docutils.core")
pytest.importorskip("myst_parser")

from docutils import nodes  # noqa: E402
from docutils.parsers.rst import roles as docutils_roles  # noqa: E402
from myst_parser.docutils_ import Parser  # noqa: E402

from book._tools import roles  # noqa: E402


@pytest.fixture(autouse=True)
def registered():
    docutils_roles.register_local_role("const", roles.const_role)
    yield
    docutils_roles._roles.pop("const")


def parse(text):
    return docutils.publish_doctree(text, parser=Parser(), settings_overrides={"report_level": 5, "halt_level": 5})


def test_a_constant_renders_its_text():
    [inline] = parse("At {const}`42.58 MHz/T` it turns.").findall(nodes.inline)
    assert inline.astext() == "42.58 MHz/T"
    assert inline["classes"] == ["otrecon-const"]


def test_an_empty_constant_is_an_error():
    [message] = parse("At {const}` ` it turns.").findall(nodes.system_message)
    assert "needs a number" in message.astext()


def test_the_extension_registers_the_role():
    class App:
        def __init__(self):
            self.roles = {}

        def add_role(self, name, role):
            self.roles[name] = role

    app = App()
    assert roles.setup(app)["parallel_read_safe"] is True
    assert app.roles == {"const": roles.const_role}
