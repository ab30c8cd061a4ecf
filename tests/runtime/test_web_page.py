from hypothesis import given
from hypothesis import strategies as st

from reverie.runtime.web_page import read_page

AT = "https://site.example/a/b.html"


def test_a_page_is_its_title_and_its_text_with_the_addresses_of_links() -> None:
    page = read_page(
        """<!doctype html><html><head><title>Opening &amp; closing
        hours</title><style>p { color: red }</style><script>alert("no")</script></head>
        <body><nav><a href="/home">Home</a> <a href="#top">Up</a></nav>
        <h1>Hours</h1><p>We open at <b>nine</b>,   see <a href="more.html">more</a>.</p>
        <ul><li>Monday</li><li>Tuesday</li></ul>
        <table><tr><td>a</td><td>b</td></tr></table>
        <img src="x.png" alt="A map"><noscript>Turn it on</noscript><pre>x  =
  1</pre></body></html>""",
        AT,
    )
    assert page.title == "Opening & closing hours"
    assert page.text == (
        "Home (https://site.example/home) Up\n\n# Hours\n\n"
        "We open at nine, see more (https://site.example/a/more.html).\n\n- Monday\n\n- Tuesday\n\n"
        "a b\n\n[image: A map]\nx =\n1"
    )


def test_what_was_never_closed_hides_nothing_that_follows() -> None:
    for html in ("<head><title>T</title><p>Hello", "<title>T</title><noscript><body>Hello", "<p>Hello<div></p></b>"):
        assert read_page(html, AT).text == "Hello"


def test_a_base_moves_relative_links_and_odd_links_are_left_out() -> None:
    html = '<base href="https://other.example/x/"><a href="y">Y</a> <a href="javascript:go()">G</a> <a href="http://[">B</a>'
    assert read_page(html, AT).text == "Y (https://other.example/x/y) G B"


@given(st.text(alphabet='<>/="abtdprhi scl!-&;#1', max_size=60))
def test_any_text_is_read(html: str) -> None:
    page = read_page(html, AT)
    assert page.text == page.text.strip()
