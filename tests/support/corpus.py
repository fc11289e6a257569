"""Requests of HTTP/1.1 as raw bytes, good and bad, with what a strict server answers to each.

The rules are those of RFC 9112 (framing) and RFC 9110 (meaning); where they leave a choice, what
two servers could read differently is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

NEXT = b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n"
"""Sent after each case: a server that lost count would take it for a part of the case."""

HOST = b"Host: x\r\n"
CHUNKED = b"Transfer-Encoding: chunked"
HELLO = b"5\r\nhello\r\n0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Case:
    """One exchange.

    Args:
        name: of the rule.
        raw: what is sent before `NEXT`.
        statuses: of all replies, that to `NEXT` included where the connection goes on.
        seen: what the handler is asked, as method, target and body; less what it is asked next.
    """

    name: str
    raw: bytes
    statuses: tuple[int, ...]
    seen: tuple[bytes, ...] = ()


def _get(
    target: bytes, headers: bytes = HOST, method: bytes = b"GET", version: bytes = b"1.1"
) -> bytes:
    return b"%b %b HTTP/%b\r\n%b\r\n" % (method, target, version, headers)


def _post(headers: bytes, body: bytes = b"hello", version: bytes = b"1.1") -> bytes:
    return b"POST /a HTTP/%b\r\nHost: x\r\n%b\r\n\r\n%b" % (version, headers, body)


def _chunks(body: bytes) -> bytes:
    return _post(CHUNKED, body)


def _refused(status: int, **raws: bytes) -> list[Case]:
    return [Case(name, raw, (status,)) for name, raw in raws.items()]


def _taken(seen: bytes, **raws: bytes) -> list[Case]:
    """Answered, and the connection goes on."""
    return [Case(name, raw, (200, 200), (seen,)) for name, raw in raws.items()]


def _last(seen: bytes, **raws: bytes) -> list[Case]:
    """Answered, and nothing after it."""
    return [Case(name, raw, (200,), (seen,)) for name, raw in raws.items()]


POSTED = b"POST /a hello"

LENGTHS = [
    *_refused(
        400,
        length_and_coding=_post(b"Content-Length: 5\r\n" + CHUNKED, HELLO),
        coding_and_length=_post(CHUNKED + b"\r\nContent-Length: 5", HELLO),
        two_lengths_that_differ=_post(b"Content-Length: 5\r\nContent-Length: 6"),
        two_lengths_that_agree=_post(b"Content-Length: 5\r\nContent-Length: 5"),
        length_with_plus=_post(b"Content-Length: +5"),
        length_as_list=_post(b"Content-Length: 5, 5"),
        length_as_list_that_differs=_post(b"Content-Length: 5, 6"),
        length_negative=_post(b"Content-Length: -5"),
        length_hexadecimal=_post(b"Content-Length: 0x5"),
        length_empty=_post(b"Content-Length:"),
        length_two_words=_post(b"Content-Length: 5 5"),
        length_underscore=_post(b"Content-Length: 5_0"),
        length_fraction=_post(b"Content-Length: 5.0"),
        length_of_65_bits=_post(b"Content-Length: 18446744073709551616"),
        length_that_wraps=_post(b"Content-Length: 18446744073709551621"),
        length_vertical_tab=_post(b"Content-Length: 5\x0b"),
        length_other_digits=_post(b"Content-Length: \xd9\xa5"),
        space_before_colon=_post(b"Content-Length : 5"),
        tab_before_colon=_post(b"Content-Length\t: 5"),
        space_before_name=_post(b" Content-Length: 5"),
    ),
    *_refused(413, length_beyond_the_limit=_post(b"Content-Length: 9223372036854775807")),
    *_taken(
        POSTED,
        length=_post(b"Content-Length: 5"),
        length_leading_zero=_post(b"Content-Length: 05"),
        length_trailing_space=_post(b"Content-Length: 5 "),
        length_after_tab=_post(b"Content-Length:\t5\t"),
        length_beside_a_look_alike=_post(b"Transfer_Encoding: chunked\r\nContent-Length: 5"),
    ),
    *_taken(b"GET /a hello", body_of_get=b"GET" + _post(b"Content-Length: 5")[4:]),
]

LINES = _refused(
    400,
    folded_header=_get(b"/", b"Host: x\r\nX: a\r\n b\r\n"),
    folded_length=_post(b"X: a\r\n\tContent-Length: 5"),
    folded_coding=_post(b"Transfer-Encoding:\r\n chunked", HELLO),
    first_header_folded=_get(b"/", b" Host: x\r\n"),
    feeds_alone=b"GET / HTTP/1.1\nHost: x\n\n",
    feed_after_header=b"GET / HTTP/1.1\r\nHost: x\n\r\n",
    feed_after_request_line=b"GET / HTTP/1.1\nHost: x\r\n\r\n",
    feed_at_the_end=b"GET / HTTP/1.1\r\nHost: x\r\n\n",
    return_in_header=_get(b"/", b"Host: x\r\nX: a\rb\r\n"),
    returns_alone=b"GET / HTTP/1.1\rHost: x\r\r",
    return_twice=b"GET / HTTP/1.1\r\r\nHost: x\r\n\r\n",
    return_twice_after_header=_get(b"/", b"Host: x\r\r\n"),
    nul_in_header=_get(b"/", b"Host: x\r\nX: a\0b\r\n"),
    nul_in_name=_get(b"/", b"Host: x\r\nX\0: a\r\n"),
    control_in_header=_get(b"/", b"Host: x\r\nX: a\x01b\r\n"),
    delete_in_header=_get(b"/", b"Host: x\r\nX: a\x7fb\r\n"),
    name_empty=_get(b"/", b"Host: x\r\n: a\r\n"),
    name_without_colon=_get(b"/", b"Host: x\r\nabc\r\n"),
    name_with_space=_get(b"/", b"Host: x\r\na b: c\r\n"),
    name_with_bracket=_get(b"/", b"Host: x\r\na(b): c\r\n"),
    name_with_quote=_get(b"/", b'Host: x\r\na"b: c\r\n'),
    name_beyond_ascii=_get(b"/", b"Host: x\r\n\xe9: c\r\n"),
) + _taken(
    b"GET / ",
    tab_in_value=_get(b"/", b"Host: x\r\nX: a\tb\r\n"),
    bytes_beyond_ascii_in_value=_get(b"/", b"Host: x\r\nX: a\xffb\r\n"),
    empty_line_before=b"\r\n\r\n" + _get(b"/"),
    empty_value=_get(b"/", b"Host: x\r\nX:\r\n"),
)  # fmt: skip

CHUNKS = [
    *_taken(
        POSTED,
        chunked=_chunks(HELLO),
        chunked_in_capitals=_post(b"TRANSFER-ENCODING: CHUNKED", HELLO),
        chunked_and_space=_post(CHUNKED + b" ", HELLO),
        chunks=_chunks(b"1\r\nh\r\n4\r\nello\r\n0\r\n\r\n"),
        chunk_extension=_chunks(b"5;a\r\nhello\r\n0\r\n\r\n"),
        chunk_extension_quoted=_chunks(b'5;a=b;c="d"\r\nhello\r\n0;e\r\n\r\n'),
        chunk_size_with_zeros=_chunks(b"0005\r\nhello\r\n000\r\n\r\n"),
        trailer=_chunks(b"5\r\nhello\r\n0\r\nX: y\r\n\r\n"),
        trailer_host=_chunks(b"5\r\nhello\r\n0\r\nHost: evil\r\n\r\n"),
        trailer_key=_chunks(b"5\r\nhello\r\n0\r\nAuthorization: Bearer a\r\n\r\n"),
        trailer_upgrade=_chunks(b"5\r\nhello\r\n0\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"),
    ),
    *_taken(b"POST /a ", no_chunks=_chunks(b"0\r\n\r\n")),
    *_refused(
        400,
        chunk_size_prefixed=_chunks(b"0x5\r\nhello\r\n0\r\n\r\n"),
        chunk_size_signed=_chunks(b"+5\r\nhello\r\n0\r\n\r\n"),
        chunk_size_negative=_chunks(b"-1\r\nhello\r\n0\r\n\r\n"),
        chunk_size_of_65_bits=_chunks(b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
        chunk_size_missing=_chunks(b"\r\nhello\r\n0\r\n\r\n"),
        chunk_size_underscore=_chunks(b"5_\r\nhello\r\n0\r\n\r\n"),
        space_before_chunk_size=_chunks(b" 5\r\nhello\r\n0\r\n\r\n"),
        space_after_chunk_size=_chunks(b"5 \r\nhello\r\n0\r\n\r\n"),
        tab_after_chunk_size=_chunks(b"5\t\r\nhello\r\n0\r\n\r\n"),
        chunk_longer_than_told=_chunks(b"5\r\nhelloo\r\n0\r\n\r\n"),
        chunk_shorter_than_told=_chunks(b"5\r\nhell\r\n0\r\n\r\n"),
        chunk_without_end=_chunks(b"5\r\nhello0\r\n\r\n"),
        feed_after_chunk_size=_chunks(b"5\nhello\r\n0\r\n\r\n"),
        feed_after_chunk=_chunks(b"5\r\nhello\n0\r\n\r\n"),
        feed_after_last_chunk=_chunks(b"5\r\nhello\r\n0\n\r\n"),
        feed_after_chunks=_chunks(b"5\r\nhello\r\n0\r\n\n"),
        feed_after_extension=_chunks(b"5;a\nhello\r\n0\r\n\r\n"),
        feed_in_extension=_chunks(b'5;a="\n"\r\nhello\r\n0\r\n\r\n'),
        return_in_extension=_chunks(b"5;a\rb\r\nhello\r\n0\r\n\r\n"),
        nul_in_extension=_chunks(b"5;a\0\r\nhello\r\n0\r\n\r\n"),
        return_after_chunk=_chunks(b"5\r\nhello\rX0\r\n\r\n"),
        trailer_length=_chunks(b"5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n"),
        trailer_coding=_chunks(b"5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"),
        trailer_without_colon=_chunks(b"5\r\nhello\r\n0\r\nX y\r\n\r\n"),
        trailer_after_feed=_chunks(b"5\r\nhello\r\n0\r\nX: y\n\r\n"),
        trailer_folded=_chunks(b"5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n"),
    ),
]

CODINGS = [
    *_refused(
        501,
        coding_identity=_post(b"Transfer-Encoding: identity", HELLO),
        coding_unknown=_post(b"Transfer-Encoding: xchunked", HELLO),
        coding_of_two_words=_post(b"Transfer-Encoding: x chunked", HELLO),
        coding_quoted=_post(b'Transfer-Encoding: "chunked"', HELLO),
        coding_with_parameter=_post(CHUNKED + b";a=b", HELLO),
        coding_after_comma=_post(b"Transfer-Encoding: ,chunked", HELLO),
        coding_gzip_and_chunked=_post(b"Transfer-Encoding: gzip, chunked", HELLO),
    ),
    *_refused(
        400,
        chunked_twice=_post(CHUNKED + b", chunked", HELLO),
        chunked_not_last=_post(CHUNKED + b", gzip", HELLO),
        chunked_in_two_headers=_post(CHUNKED + b"\r\n" + CHUNKED, HELLO),
        identity_then_chunked=_post(b"Transfer-Encoding: identity\r\n" + CHUNKED, HELLO),
        chunked_then_identity=_post(CHUNKED + b"\r\nTransfer-Encoding: identity", HELLO),
        coding_empty=_post(b"Transfer-Encoding:", HELLO),
        coding_after_vertical_tab=_post(b"Transfer-Encoding: \x0bchunked", HELLO),
        coding_and_nul=_post(CHUNKED + b"\0", HELLO),
        coding_in_http_1_0=_post(CHUNKED, HELLO, b"1.0"),
    ),
]

TARGETS = [
    *_refused(
        400,
        other_host=_get(b"http://evil/a"),
        other_port=_get(b"http://x:80/a"),
        user_in_target=_get(b"http://u:p@x/a"),
        other_scheme=_get(b"ftp://x/a"),
        port_beyond_range=_get(b"http://x:99999/a", b"Host: x:99999\r\n"),
        authority=_get(b"x:80"),
        authority_to_connect=_get(b"x:80", method=b"CONNECT"),
        target_without_slash=_get(b"abc"),
        query_alone=_get(b"?a=b"),
        fragment=_get(b"/a#b"),
        fragment_after_query=_get(b"/a?b#c"),
        target_empty=b"GET  HTTP/1.1\r\nHost: x\r\n\r\n",
        space_in_target=_get(b"/a b"),
        tabs_between=b"GET\t/a\tHTTP/1.1\r\nHost: x\r\n\r\n",
        space_before_method=b" " + _get(b"/a"),
        space_after_version=_get(b"/a", version=b"1.1 "),
        nul_in_target=_get(b"/a\0b"),
        control_in_target=_get(b"/\x01"),
        byte_beyond_ascii_in_target=_get(b"/\xff"),
        encoded_nul=_get(b"/a%00b"),
        encoded_line_end=_get(b"/a%0d%0aSet:x"),
        encoded_nonsense=_get(b"/%zz"),
        percent_at_the_end=_get(b"/a%"),
        encoded_bytes_that_are_not_utf8=_get(b"/%ff"),
    ),
    *_taken(b"GET /a ", absolute=_get(b"http://x/a"), absolute_in_capitals=_get(b"HTTP://X/a")),
    *_taken(b"GET / ", absolute_without_path=_get(b"http://x")),
    *_taken(b"GET /a/b ", spaces_between=b"GET  /a/b  HTTP/1.1\r\nHost: x\r\n\r\n"),
    *_taken(b"GET /a%2Fb ", encoded_slash_stays_in_its_name=_get(b"/a%2fb")),
    *_taken(b"GET /a b ", encoded_space=_get(b"/a%20b?c")),
    *_taken(b"GET //a//b ", slashes_are_kept=_get(b"//a//b")),
    *_taken(b"GET /a/../b/./c ", dots_are_kept=_get(b"/a/../b/./c")),
    *_taken(b"GET /../a ", encoded_dots_are_dots=_get(b"/%2e%2e/a")),
    *_taken(b"OPTIONS * ", star=_get(b"*", method=b"OPTIONS")),
    *_taken(b"OPTIONS / ", options=_get(b"/", method=b"OPTIONS")),
    *_taken(b"HEAD / ", head=_get(b"/", method=b"HEAD")),
]

HOSTS = [
    *_refused(
        400,
        host_missing=_get(b"/", b""),
        host_missing_of_whole_url=_get(b"http://x/", b""),
        host_twice=_get(b"/", b"Host: x\r\nHost: y\r\n"),
        host_twice_the_same=_get(b"/", b"Host: x\r\nhost: x\r\n"),
        host_empty=_get(b"/", b"Host:\r\n"),
        host_two_words=_get(b"/", b"Host: x y\r\n"),
        host_list=_get(b"/", b"Host: x, y\r\n"),
        host_with_path=_get(b"/", b"Host: x/y\r\n"),
        host_with_user=_get(b"/", b"Host: u@x\r\n"),
        host_beyond_ascii=_get(b"/", b"Host: \xe9\r\n"),
        port_that_is_no_number=_get(b"/", b"Host: x:abc\r\n"),
        key_twice=_get(b"/", HOST + b"X-Api-Key: a\r\nX-Api-Key: b\r\n"),
        bearer_twice=_get(b"/", HOST + b"Authorization: a\r\nAuthorization: b\r\n"),
    ),
    *_taken(
        b"GET / ",
        host_and_port=_get(b"/", b"Host: x:8080\r\n"),
        host_ipv6=_get(b"/", b"Host: [::1]:8080\r\n"),
        header_of_many_values_twice=_get(b"/", HOST + b"Accept: a\r\nAccept: b\r\n"),
    ),
]

VERSIONS = [
    *_refused(
        400,
        method_in_small_letters=_get(b"/", method=b"get"),
        method_unknown=_get(b"/", method=b"BREW"),
        method_missing=_get(b"/", method=b""),
        http_1_2=_get(b"/", version=b"1.2"),
        http_1_10=_get(b"/", version=b"1.10"),
        http_11=_get(b"/", version=b"11"),
        preface_of_http_2=b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        hello_of_tls=b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        a_response=b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ),
    *_refused(
        505,
        no_version=b"GET /\r\n\r\n",
        http_2=_get(b"/", version=b"2.0"),
        http_0_9=_get(b"/", version=b"0.9"),
    ),
    *_last(
        b"GET / ",
        http_1_0=_get(b"/", b"", version=b"1.0"),
        http_1_0_with_keep_alive=_get(b"/", b"Connection: keep-alive\r\n", version=b"1.0"),
        http_1_0_is_not_upgraded=_get(
            b"/", b"Connection: upgrade\r\nUpgrade: h2c\r\n", version=b"1.0"
        ),
        close=_get(b"/", HOST + b"Connection: close\r\n"),
        close_and_keep_alive=_get(b"/", HOST + b"Connection: keep-alive, close\r\n"),
    ),
    *_last(POSTED, http_1_0_expects_nothing=_post(
        b"Expect: 100-continue\r\nContent-Length: 5", version=b"1.0")),
    *_taken(b"GET / ", upgrade=_get(
        b"/", HOST + b"Connection: upgrade\r\nUpgrade: websocket\r\n")),
    *_taken(POSTED, upgrade_with_chunks=_post(
        b"Connection: upgrade\r\nUpgrade: h2c\r\n" + CHUNKED, HELLO)),
    *_refused(
        400,
        upgrade_with_length_and_coding=_post(
            b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n" + CHUNKED, HELLO
        ),
        upgrade_with_two_hosts=_get(
            b"/", HOST + b"Connection: upgrade\r\nUpgrade: h2c\r\nHost: y\r\n"
        ),
    ),
    *_refused(
        501,
        upgrade_with_other_coding=_post(
            b"Connection: upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: gzip, chunked", HELLO
        ),
    ),
    Case(
        "expects_to_be_asked",
        _post(b"Expect: 100-continue\r\nContent-Length: 5"),
        (100, 200, 200),
        (POSTED,),
    ),
    *_taken(POSTED, expects_something_else=_post(b"Expect: tea\r\nContent-Length: 5")),
    *_refused(413, expects_too_much=_post(b"Expect: 100-continue\r\nContent-Length: 9999999")),
    *_refused(
        431,
        headers_that_are_many=_get(b"/", HOST + b"a: b\r\n" * 1000),
        header_that_is_long=_get(b"/", HOST + b"a: " + b"b" * 3000 + b"\r\n"),
        target_that_is_long=_get(b"/" + b"a" * 3000),
        extensions_that_are_long=_chunks((b"1;" + b"a" * 1500 + b"\r\nh\r\n") * 3000),
    ),
    Case(
        "bad_one_in_the_middle",
        _get(b"/1") + _post(b"Content-Length: 5") + _get(b"/2", b"") + _get(b"/3"),
        (200, 200, 400),
        (b"GET /1 ", POSTED),
    ),
    Case("pipelined", _get(b"/1") + _chunks(HELLO) * 2, (200,) * 4, (b"GET /1 ", POSTED, POSTED)),
]  # fmt: skip

CASES = [*LENGTHS, *LINES, *CHUNKS, *CODINGS, *TARGETS, *HOSTS, *VERSIONS]
