"""Trees over many messages, and chains that try to cheat."""

import base64
import re
import tracemalloc

import pytest
from hypothesis import given, settings, strategies as st

from kerege.xroad.algorithms import SHA256, SHA512
from kerege.xroad.faults import XRoadError
from kerege.xroad.hashchain import (
    HashChainInput,
    InputDigest,
    _read,
    _verify,
    build_hash_chains,
    verify_hash_chain,
)
from kerege.xroad.hashchain._digest_list import digest_list, step_digest
from kerege.xroad.xml import MAX_NAMESPACES

MESSAGE, ATTACHMENT, CHAIN = "/message.xml", "/attachment1", "/sig-hashchain.xml"
HELLO, BODY = SHA512.of(b"hello"), SHA512.of(b"body")


def message_with_body() -> tuple[bytes, bytes]:
    tree = build_hash_chains([HashChainInput(((MESSAGE, HELLO), (ATTACHMENT, BODY)))])
    return tree.result, tree.chains[0]


def verify(result, chain, inputs=None, *, contents=None, **options):
    inputs = {MESSAGE: HELLO, ATTACHMENT: BODY} if inputs is None else inputs
    documents = {CHAIN: chain} | (contents or {})
    return verify_hash_chain(
        result,
        inputs={
            uri: None if value is None else InputDigest(SHA512, value)
            for uri, value in inputs.items()
        },
        resolve=documents.get,
        **options,
    )


def refuse(code, *given_, **options):
    with pytest.raises(XRoadError) as refused:
        verify(*given_, **options)
    assert refused.value.code == code
    return refused.value.message


def chain_of(steps: str) -> bytes:
    return (
        '<h:HashChain xmlns:h="http://cyber.ee/hashchain" '
        'xmlns:d="http://www.w3.org/2000/09/xmldsig#"><h:DefaultDigestMethod '
        f'Algorithm="{SHA512.uri}"/>{steps}</h:HashChain>'
    ).encode()


def value_of(value: bytes) -> str:
    return f"<d:DigestValue>{base64.b64encode(value).decode()}</d:DigestValue>"


def result_of(top: bytes, uri: str = f"{CHAIN}#STEP0") -> bytes:
    return (
        '<h:HashChainResult xmlns:h="http://cyber.ee/hashchain" '
        f'xmlns:d="http://www.w3.org/2000/09/xmldsig#" URI="{uri}">'
        f'<d:DigestMethod Algorithm="{SHA512.uri}"/>{value_of(top)}'
        "</h:HashChainResult>"
    ).encode()


# --- building -------------------------------------------------------------------------


def test_a_digest_list_is_the_der_that_the_reference_writes():
    der = digest_list([(SHA256, b"\x0b")])
    uri = SHA256.uri.encode()
    inner = b"\x04\x01\x0b\x0c" + bytes([len(uri)]) + uri + b"\x30\x00"
    entry = b"\x30" + bytes([len(inner)]) + inner
    assert der == b"\x30" + bytes([len(entry)]) + entry


def test_long_digest_lists_use_the_long_form_of_lengths():
    assert digest_list([(SHA512, HELLO)] * 2)[:3] == b"\x30\x81\xde"
    assert digest_list([(SHA512, HELLO)] * 3)[:4] == b"\x30\x82\x01\x4d"


def test_a_message_with_a_body_is_one_step():
    result, chain = message_with_body()
    top = base64.b64encode(step_digest(SHA512, HELLO, BODY))
    assert top in result
    assert chain.count(b"<hc:HashStep") == 1
    assert verify(result, chain).used == {MESSAGE, ATTACHMENT}


def test_a_missing_right_child_lets_the_left_one_rise():
    one, two, three = (SHA512.of(each) for each in (b"1", b"2", b"3"))
    tree = build_hash_chains(
        [HashChainInput(((MESSAGE, v),)) for v in (one, two, three)]
    )
    top = step_digest(SHA512, step_digest(SHA512, one, two), three)
    assert base64.b64encode(top) in tree.result
    assert [chain.count(b"<hc:HashStep") for chain in tree.chains] == [2, 2, 1]


def test_a_document_alone_or_an_input_without_parts_is_the_callers_mistake():
    with pytest.raises(ValueError, match="single document"):
        build_hash_chains([HashChainInput(((MESSAGE, HELLO),))])
    with pytest.raises(ValueError, match="no parts"):
        build_hash_chains([HashChainInput(())])


def test_no_inputs_give_no_documents():
    tree = build_hash_chains([])
    assert (tree.result, tree.chains) == (b"", ())


def test_names_with_markup_are_written_and_read_back():
    name = '/a&b<c"d\n.xml'
    tree = build_hash_chains([HashChainInput(((name, HELLO), (ATTACHMENT, BODY)))])
    verify(tree.result, tree.chains[0], {name: HELLO, ATTACHMENT: BODY})


shapes = st.lists(st.integers(1, 4), min_size=1, max_size=40).filter(
    lambda sizes: sizes != [1]
)


@given(shapes)
@settings(max_examples=60, deadline=None)
def test_every_chain_of_any_tree_verifies_with_its_own_input_and_no_other(sizes):
    inputs = [
        HashChainInput(
            tuple(
                (MESSAGE if i == 0 else f"/attachment{i}", SHA512.of(b"%d %d" % (n, i)))
                for i in range(size)
            )
        )
        for n, size in enumerate(sizes)
    ]
    tree = build_hash_chains(inputs)
    for n, each in enumerate(inputs):
        verify(tree.result, tree.chains[n], dict(each.parts))
        if n:
            with pytest.raises(XRoadError):
                verify(tree.result, tree.chains[n - 1], dict(each.parts))


# --- verifying ------------------------------------------------------------------------


def test_a_changed_part_shows_at_the_top():
    refuse(
        "invalid_hash_chain", *message_with_body(), {MESSAGE: HELLO, ATTACHMENT: HELLO}
    )


def test_containers_learn_which_part_was_changed():
    message = refuse(
        "invalid_hash_chain_ref",
        *message_with_body(),
        {MESSAGE: HELLO, ATTACHMENT: HELLO},
        compare_references=True,
    )
    assert ATTACHMENT in message


def test_a_data_reference_that_says_another_digest_than_the_tree_is_refused():
    result, chain = message_with_body()
    other = chain.replace(base64.b64encode(BODY), base64.b64encode(HELLO))
    refuse("invalid_hash_chain_ref", result, other)


@pytest.mark.parametrize(
    "step",
    ["", f"<hc:HashValue><ds:DigestValue>{'A' * 86}==</ds:DigestValue></hc:HashValue>"],
    ids=["empty", "a value"],
)
def test_a_step_that_nothing_refers_to_is_refused(step):
    """A changed message from a recording: nobody would have missed the step."""
    result, chain = message_with_body()
    added = f'<hc:HashStep id="STEP7">{step}</hc:HashStep></hc:HashChain>'.encode()
    other = chain.replace(b"</hc:HashChain>", added)
    assert "STEP7" in refuse("malformed_hash_chain", result, other)


def test_a_part_that_the_chain_leaves_out_is_not_signed():
    message = refuse(
        "hashchain_unused_inputs",
        *message_with_body(),
        {MESSAGE: HELLO, ATTACHMENT: BODY, "/attachment2": BODY},
    )
    assert "/attachment2" in message


def test_a_part_that_is_not_here_is_an_error_unless_the_caller_trusts_the_chain():
    result, chain = message_with_body()
    refuse("invalid_reference", result, chain, {MESSAGE: HELLO})
    report = verify(result, chain, {MESSAGE: HELLO}, trust_missing=lambda _: True)
    assert report.trusted == ((ATTACHMENT, InputDigest(SHA512, BODY)),)


def test_an_input_to_resolve_is_never_taken_on_trust():
    result, chain = message_with_body()
    refuse(
        "invalid_reference",
        result,
        chain,
        {MESSAGE: None, ATTACHMENT: BODY},
        trust_missing=lambda _: True,
    )


def test_an_input_to_resolve_is_hashed():
    result, chain = message_with_body()
    inputs = {MESSAGE: None, ATTACHMENT: BODY}
    verify(result, chain, inputs, contents={MESSAGE: b"hello"})
    refuse(
        "invalid_hash_chain_ref", result, chain, inputs, contents={MESSAGE: b"other"}
    )


def test_a_chain_document_that_is_not_here_cannot_be_followed():
    refuse("invalid_reference", message_with_body()[0], None)


def test_the_digest_of_raw_bytes_does_not_stand_for_a_transformed_document():
    document = b"<a><!-- c --></a>"
    transforms = (
        '<d:Transforms><d:Transform Algorithm="'
        'http://www.w3.org/2001/10/xml-exc-c14n#"/></d:Transforms>'
    )
    canonical = SHA512.of(b"<a></a>")
    steps = (
        f'<h:HashStep id="STEP0"><h:DataRef URI="{MESSAGE}">{transforms}'
        f"{value_of(canonical)}</h:DataRef></h:HashStep>"
    )
    result = result_of(step_digest(SHA512, canonical))
    inputs = {MESSAGE: canonical}
    refuse("invalid_reference", result, chain_of(steps), inputs)
    verify(result, chain_of(steps), inputs, contents={MESSAGE: document})
    namespaces = b"".join(b' xmlns:n%d="u"' % n for n in range(MAX_NAMESPACES + 1))
    slow = {MESSAGE: b"<a%b></a>" % namespaces}
    refuse("invalid_hash_chain_ref", result, chain_of(steps), inputs, contents=slow)


@pytest.mark.parametrize(
    "transform",
    [
        "http://www.w3.org/TR/1999/REC-xslt-19991116",
        "http://www.w3.org/TR/1999/REC-xpath-19991116",
        "http://www.w3.org/2000/09/xmldsig#base64",
    ],
)
def test_transforms_that_run_code_or_pick_parts_are_refused(transform):
    steps = (
        f'<h:HashStep id="STEP0"><h:DataRef URI="{MESSAGE}"><d:Transforms>'
        f'<d:Transform Algorithm="{transform}"/></d:Transforms>{value_of(HELLO)}'
        "</h:DataRef></h:HashStep>"
    )
    refuse("unsupported_algorithm", result_of(b"x"), chain_of(steps))


def test_sha_1_is_refused():
    result, chain = message_with_body()
    weak = b"http://www.w3.org/2000/09/xmldsig#sha1"
    strong = SHA512.uri.encode()
    refuse("unsupported_algorithm", result.replace(strong, weak), chain)
    refuse("unsupported_algorithm", result, chain.replace(strong, weak))


STEP_REF = '<h:StepRef URI="#STEP%d"/>'


def test_steps_in_a_circle_are_refused():
    steps = '<h:HashStep id="STEP0"><h:StepRef URI="#STEP0"/></h:HashStep>'
    refuse("malformed_hash_chain", result_of(b"x"), chain_of(steps))


def test_steps_that_double_at_each_level_run_out_of_budget():
    steps = "".join(
        f'<h:HashStep id="STEP{n}">{STEP_REF % (n + 1) * 2}</h:HashStep>'
        for n in range(40)
    )
    last = '<h:HashStep id="STEP40"/>'
    refuse("malformed_hash_chain", result_of(b"x"), chain_of(steps + last))


def test_steps_too_deep_are_refused():
    steps = "".join(
        f'<h:HashStep id="STEP{n}">{STEP_REF % (n + 1)}</h:HashStep>'
        for n in range(_verify.MAX_DEPTH + 1)
    )
    refuse("malformed_hash_chain", result_of(b"x"), chain_of(steps))


def test_too_many_chain_documents_are_refused():
    steps = "".join(
        f'<h:StepRef URI="/{n}.xml#STEP0"/>' for n in range(_verify.MAX_DOCUMENTS)
    )
    leaf = chain_of('<h:HashStep id="STEP0"/>')
    refuse(
        "malformed_hash_chain",
        result_of(b"x"),
        chain_of(f'<h:HashStep id="STEP0">{steps}</h:HashStep>'),
        contents={f"/{n}.xml": leaf for n in range(_verify.MAX_DOCUMENTS)},
    )


def test_a_chain_that_is_too_large_is_not_parsed():
    large = b" " * _read.MAX_CHAIN_BYTES + b"<a/>"
    refuse("malformed_hash_chain", result_of(b"x"), large)


STEP = '<h:HashStep id="STEP0">{}</h:HashStep>'
REF = f'<h:DataRef URI="{MESSAGE}">{{}}</h:DataRef>'


@pytest.mark.parametrize(
    "steps",
    [
        "<h:Other/>",
        "<h:HashStep/>",
        '<h:HashStep id="STEP1"/>',
        STEP.format("") * 2,
        STEP.format("<h:Other/>"),
        STEP.format("<!-- -->"),
        STEP.format("<h:HashValue/>"),
        STEP.format(f'<h:HashValue URI="/a">{value_of(HELLO)}</h:HashValue>'),
        STEP.format(REF.format("")),
        STEP.format(REF.format("<d:DigestValue>AA=</d:DigestValue>")),
        STEP.format(REF.format("<d:DigestValue>A<!-- -->A==</d:DigestValue>")),
        STEP.format(REF.format(f"<d:DigestValue>{'A' * 260}</d:DigestValue>")),
        STEP.format(REF.format(value_of(HELLO) * 2)),
        STEP.format(REF.format("<d:Transforms/>" + value_of(HELLO))),
        STEP.format(
            REF.format("<d:Transforms><d:X/></d:Transforms>" + value_of(HELLO))
        ),
        STEP.format(
            REF.format(
                '<d:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha512">'
                "<d:X/></d:DigestMethod>" + value_of(HELLO)
            )
        ),
        STEP.format('<h:StepRef URI="#STEP9"/>'),
        STEP.format('<h:StepRef URI="#"/>'),
        STEP.format("<h:StepRef/>"),
        STEP.format(f'<h:StepRef URI="#STEP1">{value_of(HELLO)}</h:StepRef>'),
    ],
)
def test_a_chain_that_breaks_the_schema_is_malformed(steps):
    refuse("malformed_hash_chain", result_of(b"x"), chain_of(steps))


@pytest.mark.parametrize(
    "result",
    [
        b"",
        b"<a/>",
        result_of(b"x", uri=CHAIN),
        result_of(b"x", uri=""),
        result_of(b"x", uri="#STEP0"),
        result_of(b"x").replace(b"<d:DigestMethod", b"<d:Other"),
        result_of(b"x").replace(b" URI=", b" id='a' URI="),
        b'<!DOCTYPE a [<!ENTITY e "x">]>' + result_of(b"x"),
    ],
)
def test_a_result_that_breaks_the_schema_is_malformed(result):
    refuse("malformed_hash_chain", result, message_with_body()[1])


def test_a_chain_with_attributes_is_malformed():
    result, chain = message_with_body()
    named = chain.replace(b"<hc:HashChain ", b'<hc:HashChain id="x" ')
    refuse("malformed_hash_chain", result, named)


def test_a_document_that_two_steps_refer_to_is_read_once():
    leaf = chain_of(f'<h:HashStep id="A">{REF.format(value_of(HELLO))}</h:HashStep>')
    steps = STEP.format('<h:StepRef URI="/b.xml#A"/>' * 2)
    step = step_digest(SHA512, HELLO)
    result = result_of(step_digest(SHA512, step, step))
    verify(result, chain_of(steps), {MESSAGE: HELLO}, contents={"/b.xml": leaf})


def test_a_document_is_hashed_once_however_often_the_chain_names_it(monkeypatch):
    hashed: list[bytes] = []
    monkeypatch.setattr(
        _verify,
        "_transformed",
        lambda content, _entry: hashed.append(content) or content,
    )
    data = f'<h:DataRef URI="{MESSAGE}">{value_of(HELLO)}</h:DataRef>'
    top = step_digest(SHA512, *[HELLO] * 50)
    chain = chain_of(f'<h:HashStep id="STEP0">{data * 50}</h:HashStep>')
    verify(result_of(top), chain, {MESSAGE: None}, contents={MESSAGE: b"hello"})
    assert hashed == [b"hello"]


def test_a_chain_needs_a_digest_method_somewhere():
    chain = re.sub(rb"<hc:DefaultDigestMethod[^>]*>", b"", message_with_body()[1])
    refuse("malformed_hash_chain", message_with_body()[0], chain)


def test_an_entry_may_have_its_own_digest_method():
    own = f'<d:DigestMethod Algorithm="{SHA256.uri}"/>'
    value = SHA256.of(b"hello")
    steps = STEP.format(REF.format(own + value_of(value)))
    result = result_of(SHA512.of(digest_list([(SHA256, value)])))
    verify_hash_chain(
        result,
        inputs={MESSAGE: InputDigest(SHA256, value)},
        resolve={CHAIN: chain_of(steps)}.get,
    )
    # The input's digest is of another algorithm: the content decides.
    verify(result, chain_of(steps), {MESSAGE: HELLO}, contents={MESSAGE: b"hello"})
    refuse(
        "invalid_hash_chain_ref",
        result,
        chain_of(steps),
        {MESSAGE: HELLO},
        contents={MESSAGE: b"other"},
    )


@given(st.binary(max_size=300), st.booleans())
@settings(deadline=None)
def test_any_bytes_give_a_verdict_or_an_xroad_error(data, as_result):
    result, chain = message_with_body()
    with pytest.raises(XRoadError):
        verify(data if as_result else result, chain if as_result else data)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_no_byte_of_chain_or_result_can_be_changed(data):
    """But white space, and what stands before the root element."""
    documents = list(message_with_body())
    which = data.draw(st.integers(0, 1))
    original = documents[which]
    place = data.draw(st.integers(original.index(b"<hc:"), len(original) - 1))
    changed = data.draw(st.integers(0, 255).filter(lambda b: b != original[place]))
    if bytes([changed, original[place]]).isspace():
        return
    documents[which] = original[:place] + bytes([changed]) + original[place + 1 :]
    with pytest.raises(XRoadError):
        verify(*documents)


def test_ten_thousand_chains_are_never_in_memory_together():
    inputs = [
        HashChainInput(((f"/{number}", SHA512.of(b"%d" % number)),))
        for number in range(10_000)
    ]
    tracemalloc.start()
    tree = build_hash_chains(inputs)
    size = sum(len(chain) for chain in tree.chains)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert len(tree.chains) == len(inputs)
    assert size > 30_000_000
    assert peak < size / 4


def test_chains_can_be_taken_like_those_of_a_list():
    tree = build_hash_chains(
        [HashChainInput(((f"/{n}", SHA512.of(b"%d" % n)),)) for n in range(5)]
    )
    every = list(tree.chains)

    assert len(set(every)) == 5
    assert tree.chains[-1] == every[4]
    assert list(tree.chains[1:3]) == every[1:3]
    with pytest.raises(IndexError):
        tree.chains[5]
