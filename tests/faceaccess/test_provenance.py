"""Files say that some faces were replaced, if any was; never which, and nothing else."""

from __future__ import annotations

import datetime
import io
import json
import xml.etree.ElementTree as ET

import pytest
from PIL import Image

from faceaccess import provenance
from tests.faceaccess.conftest import client_of, face_of, fetch, person, posted

pytestmark = pytest.mark.django_db
PROPERTY = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"


def label_of(content: bytes) -> str | None:
    """The digital source type a reader of XMP finds."""
    xmp = Image.open(io.BytesIO(content)).info.get("xmp")
    if xmp is None:
        return None
    packet = ET.fromstring(xmp.decode().partition("?>")[2].rpartition("<?xpacket")[0])
    [value] = [element.get(PROPERTY) for element in packet.iter() if element.get(PROPERTY)]
    return value


def segments(content: bytes) -> list[tuple[int, bytes]]:
    """(marker, payload) of a JPEG up to its first scan: everything in which metadata can stand."""
    found, at = [], 2
    while content[at + 1] != 0xDA:
        length = int.from_bytes(content[at + 2 : at + 4])
        found.append((content[at + 1], content[at + 4 : at + 2 + length]))
        at += 2 + length
    return found


@pytest.mark.parametrize("size", ["thumb", "feed", "full"])
def test_every_size_of_a_picture_with_stand_ins_says_so(engine, size):
    content = fetch(person(), posted(person()), size).content
    assert label_of(content) == provenance.SOURCE_TYPE
    assert provenance.SOURCE_TYPE.endswith("/compositeWithTrainedAlgorithmicMedia")


def test_crops_and_previews_say_so_too(engine):
    owner = person(0)
    region = face_of(posted(person()), owner)
    for what in ("crop", "preview"):
        assert label_of(client_of(owner).get(f"/faces/{region.pk}/{what}").content)


def test_a_picture_with_nothing_hidden_from_its_viewer_carries_no_label(engine):
    owner = person(0)
    photo = posted(owner, faces=1)
    assert label_of(fetch(owner, photo).content) is None
    assert label_of(fetch(person(), photo).content)


def test_the_label_does_not_tell_how_many_faces_are_hidden(engine):
    one_hidden, all_hidden = person(0), person()
    photo = posted(person(), faces=2)
    packets = {
        Image.open(io.BytesIO(fetch(user, photo).content)).info["xmp"] for user in (one_hidden, all_hidden)
    }
    assert len(packets) == 1


@pytest.mark.parametrize("hidden", [True, False])
def test_there_is_no_other_metadata(engine, hidden):
    owner = person(0)
    photo = posted(owner, faces=1)
    content = fetch(person() if hidden else owner, photo).content
    picture = Image.open(io.BytesIO(content))
    assert not picture.getexif()
    extra = {"jfif", "jfif_version", "jfif_unit", "jfif_density", "progressive", "progression"}
    assert set(picture.info) - extra == ({"xmp"} if hidden else set())
    application = [
        payload for marker, payload in segments(content) if marker in range(0xE0, 0xF0) or marker == 0xFE
    ]
    names = [payload.partition(b"\0")[0] for payload in application]
    assert names == [b"JFIF"] + ([b"http://ns.adobe.com/xap/1.0/"] if hidden else [])
    assert content.endswith(b"\xff\xd9")


# --- C2PA ---


@pytest.fixture
def certified(settings, tmp_path):
    """A certificate of our own making, as the C2PA specification wants it (14.5: a chain, key usages, identifiers)."""
    pytest.importorskip("c2pa", reason="the extra [provenance] is not installed")
    chain, key = certificate_chain()
    (tmp_path / "chain.pem").write_bytes(chain)
    (tmp_path / "key.pem").write_bytes(key)
    settings.C2PA_CERTIFICATE, settings.C2PA_KEY = str(tmp_path / "chain.pem"), str(tmp_path / "key.pem")
    return chain


def certificate_chain() -> tuple[bytes, bytes]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def name(text: str) -> x509.Name:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test"),
                x509.NameAttribute(NameOID.COMMON_NAME, text),
            ]
        )

    def usage(*allowed: str) -> x509.KeyUsage:
        every = (
            "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
            "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
        )  # fmt: skip
        return x509.KeyUsage(**{one: one in allowed for one in every})

    now, keys = (
        datetime.datetime.now(datetime.UTC),
        [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)],
    )
    authority_id = x509.SubjectKeyIdentifier.from_public_key(keys[0].public_key())
    made = []
    for index, key in enumerate(keys):
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name(("Test authority", "Test site")[index]))
            .issuer_name(name("Test authority"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=index == 0, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority_id), critical=False
            )
        )
        if index == 0:
            certificate = certificate.add_extension(usage("key_cert_sign", "crl_sign"), critical=True)
        else:
            certificate = certificate.add_extension(usage("digital_signature"), critical=True).add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
            )
        made.append(certificate.sign(keys[0], hashes.SHA256()))
    chain = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in reversed(made))
    key = keys[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return chain, key


def manifest_of(content: bytes) -> dict:
    import c2pa

    return json.loads(c2pa.Reader("image/jpeg", io.BytesIO(content)).json())


def test_a_signed_manifest_says_the_same_and_binds_the_pixels(engine, certified):
    content = fetch(person(), posted(person())).content
    report = manifest_of(content)
    manifest = report["manifests"][report["active_manifest"]]
    [actions] = [a for a in manifest["assertions"] if a["label"].startswith("c2pa.actions")]
    assert actions["data"]["actions"][0]["digitalSourceType"] == provenance.SOURCE_TYPE
    assert "thumbnail" not in manifest
    assert not manifest.get("ingredients")
    # Nobody trusts a certificate of our own making; that is all there is to object to.
    problems = {status["code"] for status in report.get("validation_status", [])}
    assert problems <= {"signingCredential.untrusted"}

    changed = bytearray(content)
    changed[-20] ^= 1  # within the pixels
    assert "assertion.dataHash.mismatch" in {
        s["code"] for s in manifest_of(bytes(changed))["validation_status"]
    }


def test_the_manifest_is_the_same_whichever_faces_are_hidden(engine, certified):
    one_hidden, all_hidden = person(0), person()
    photo = posted(person(), faces=2)
    told = []
    for user in (one_hidden, all_hidden):
        report = manifest_of(fetch(user, photo).content)
        manifest = report["manifests"][report["active_manifest"]]
        told.append([a["data"] for a in manifest["assertions"] if a["label"].startswith("c2pa.actions")])
    assert told[0] == told[1]


def test_a_picture_with_nothing_hidden_is_not_signed(engine, certified):
    import c2pa

    owner = person(0)
    with pytest.raises(c2pa.C2paError):
        manifest_of(fetch(owner, posted(owner, faces=1)).content)


def test_a_signature_that_cannot_be_made_stops_the_picture(engine, certified, settings):
    photo = posted(person())
    settings.C2PA_KEY = settings.C2PA_CERTIFICATE
    assert fetch(person(), photo).status_code == 503
