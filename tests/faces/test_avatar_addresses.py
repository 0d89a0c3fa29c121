"""Pictures by address: who sees them, how they are cached, and that they go when they are gone."""

import base64
from dataclasses import replace
from hashlib import sha256
from uuid import uuid4

import httpx2
import pytest

from asking import assert_error
from profile_domain.errors import Code
from profile_infra.stores.changes import Author
from profile_infra.stores.records import User
from profile_testing.images import data_uri, jpeg, opened, photo, png, webp
from running import ME, OTHER_TENANT, TENANT, running, served

AVATAR = f"{ME}/avatar"
QUERY = "query ($size: Int) { me { avatarUrl(size: $size) } }"
PICTURES = {
    "image/png": png(photo(400, 100)),
    "image/jpeg": jpeg(photo(400, 100)),
    "image/webp": webp(photo(400, 100)),
}
PICTURE = PICTURES["image/png"]


async def address_of(service, user, size=None):
    answer = await service.graphql(user, QUERY, {"size": size})
    assert "errors" not in answer.json(), answer.text
    return answer.json()["data"]["me"]["avatarUrl"]


async def with_picture(service, image=PICTURE, **person):
    """Somebody with a picture, and its address."""
    user = await service.person(**person)
    answer = await service.put(user, {"avatar_base64": data_uri(image)})
    assert answer.status_code == 200, answer.text
    return user, await address_of(service, user)


def is_gone(answer):
    assert_error(answer, Code.NOT_FOUND)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("media_type", PICTURES)
async def test_whoever_knows_the_address_sees_the_picture(on_each_store, media_type):
    image = PICTURES[media_type]
    user, address = await with_picture(on_each_store, image)
    digest = base64.urlsafe_b64encode(sha256(image).digest()).rstrip(b"=").decode()
    assert address == f"/v1/avatars/{user.profile.tenant_id}/{user.profile.id}/{digest}"
    answer = await on_each_store.client.get(address)
    assert answer.status_code == 200
    assert answer.content == image
    expected = {
        "Content-Type": media_type,
        "Content-Length": str(len(image)),
        "ETag": f'"{digest}"',
        "Cache-Control": "public, max-age=31536000, immutable",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Access-Control-Allow-Origin": "*",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
        "Accept-Ranges": "none",
    }
    assert {name: answer.headers.get(name) for name in expected} == expected
    assert "Set-Cookie" not in answer.headers
    assert "Vary" not in answer.headers


@pytest.mark.parametrize("size", [32, 64, 128, 256])
async def test_a_size_is_the_longest_side(on_each_store, size):
    user, address = await with_picture(on_each_store)
    sized = await address_of(on_each_store, user, size)
    assert sized == f"{address}?size={size}"
    answer = await on_each_store.client.get(sized)
    assert answer.headers["Cache-Control"].endswith("immutable")
    assert opened(answer.content).size == (size, size // 4)
    assert answer.headers["ETag"] != f'"{address.rpartition("/")[2]}"'
    again = await on_each_store.client.get(sized, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_picture_is_never_scaled_up(service):
    _, address = await with_picture(service, png(photo(40, 20)))
    as_stored = await service.client.get(address)
    for size in (64, 128, 256):
        answer = await service.client.get(f"{address}?size={size}")
        assert answer.content == as_stored.content
        assert answer.headers["ETag"] == as_stored.headers["ETag"]
    assert opened((await service.client.get(f"{address}?size=32")).content).size == (32, 16)


@pytest.mark.parametrize(
    "query", ["size=", "size=0", "size=-32", "size=33", "size=512", "size=064", "size=64.0",
              "size=%F0%9D%9F%9E4", "size=64&size=64", "size=64&size=32", "size=a", "size"],
)  # fmt: skip
async def test_another_size_is_refused_whether_or_not_there_is_a_picture(service, query):
    _, address = await with_picture(service)
    for path in (address, f"/v1/avatars/{TENANT}/{uuid4()}/x", "/v1/avatars/x/y/z"):
        answer = await service.client.get(f"{path}?{query}")
        assert_error(answer, Code.INVALID_ARGUMENT, argument="size")


@pytest.mark.parametrize("size", [0, -64, 33, 512])
async def test_graphql_refuses_another_size_without_hiding_anything(service, size):
    expected = {
        "message": "An argument is outside its range.",
        "extensions": {"code": "invalid_argument", "details": {"argument": "size"}},
    }
    for user in (await service.person(), (await with_picture(service))[0]):
        answer = (await service.graphql(user, QUERY, {"size": size})).json()
        assert answer["data"] == {"me": {"avatarUrl": None}}
        assert expected.items() <= answer["errors"][0].items()
        update = """mutation ($size: Int) { updateMyProfile(input: {displayName: "Stored"}) {
            ... on Profile { displayName avatarUrl(size: $size) } } }"""
        answer = (await service.graphql(user, update, {"size": size})).json()
        assert answer["data"]["updateMyProfile"] == {"displayName": "Stored", "avatarUrl": None}


async def test_without_a_picture_there_is_no_address(service):
    assert await address_of(service, await service.person()) is None
    assert await address_of(service, await service.person(), 64) is None


async def test_the_address_is_absolute_where_the_service_knows_its_own(tmp_path):
    async with running(tmp_path, public_url="https://app.example/profile/") as service:
        user, address = await with_picture(service)
        path = address.removeprefix("https://app.example/profile")
        assert path.startswith(f"/v1/avatars/{TENANT}/{user.profile.id}/")
        assert await address_of(service, user, 32) == f"{address}?size=32"
        own = await service.client.get(AVATAR, headers=service.headers(user))
        assert own.headers["Content-Location"] == address
        assert (await service.client.get(path)).content == PICTURE


@pytest.mark.parametrize("size", ["", "?size=64"])
async def test_another_address_is_nobodys_whatever_is_wrong_with_it(on_each_store, size):
    user, address = await with_picture(on_each_store)
    faceless = await on_each_store.person()
    _, another = await with_picture(on_each_store, PICTURES["image/jpeg"])
    *_, tenant, person, digest = address.split("/")
    for path in [
        f"/{tenant}/{person}/{another.rpartition('/')[2]}",
        f"/{OTHER_TENANT}/{person}/{digest}",
        f"/{tenant}/{uuid4()}/{digest}",
        f"/{tenant}/{faceless.profile.id}/{digest}",
        f"/{tenant}/{person}/{digest}=",
        f"/{tenant}/{person}/{digest[:-1]}",
        f"/{tenant}/{person}/{digest}%0a",
        f"/{tenant}/{person}/%ff",
        f"/{tenant}/{person}/%ED%A0%80",
        f"/{tenant}/me/{digest}",
        f"/x/{person}/{digest}",
        f"/{{{tenant}}}/{person}/{digest}",
        f"/{tenant}/{person}",
        f"/{tenant}/{person}/{digest}/x",
    ]:
        is_gone(await on_each_store.client.get(f"/v1/avatars{path}{size}"))
    assert user.profile.id != faceless.profile.id
    assert (await on_each_store.client.get(f"{address}{size}")).status_code == 200


def test_an_encoded_slash_parts_no_address(tmp_path):
    with (
        served(tmp_path) as server,
        httpx2.Client(base_url=server.address, headers=server.headers) as client,
    ):
        client.put(ME, json={"avatar_base64": data_uri(PICTURE)}).raise_for_status()
        address = client.get(AVATAR).headers["Content-Location"]
        assert client.get(address.replace("avatars", "%61vatars")).content == PICTURE
        for slash in ("%2F", "%2f"):
            is_gone(client.get(slash.join(address.rsplit("/", 1))))
            is_gone(client.get(ME[0] + ME[1:].replace("/", slash, 1)))


@pytest.mark.parametrize(
    "then", [None, data_uri(PICTURES["image/jpeg"])], ids=["removed", "replaced"]
)
async def test_a_picture_that_is_gone_is_gone_in_all_sizes(on_each_store, then):
    user, address = await with_picture(on_each_store)
    etag = (await on_each_store.client.get(address)).headers["ETag"]
    assert (await on_each_store.client.get(f"{address}?size=64")).status_code == 200
    await on_each_store.put(user, {"avatar_base64": then})
    for path in (address, f"{address}?size=64", f"{address}?size=128"):
        is_gone(await on_each_store.client.get(path))
        is_gone(await on_each_store.client.get(path, headers={"If-None-Match": etag}))
    after = await address_of(on_each_store, user)
    assert (after is None) is (then is None)


async def test_the_picture_of_somebody_deactivated_is_hidden_and_of_somebody_deleted_gone(
    on_each_store,
):
    store, author = on_each_store.store, Author("", "", "operator", "test")
    user, address = await with_picture(on_each_store)
    (known,) = (await store.users_of(user.profile.tenant_id, [user.profile.id])).values()
    for active in (False, True):
        wanted = User(replace(known.profile, active=active), known.issuer, known.subject)
        await store.apply(author, [], [(known, wanted)])
        (known,) = (await store.users_of(user.profile.tenant_id, [user.profile.id])).values()
        answer = await on_each_store.client.get(address)
        assert answer.status_code == (200 if active else 404)
    await store.delete(author, known)
    is_gone(await on_each_store.client.get(address))


async def test_policies_do_not_hide_what_the_address_shows(service):
    """They say who may see a profile with a token; who has the address needs none."""
    store = service.store
    user, address = await with_picture(service)
    (known,) = (await store.users_of(user.profile.tenant_id, [user.profile.id])).values()
    hidden = replace(known.profile, email="hidden@example.com")
    await store.apply(service.author, [], [(known, User(hidden, known.issuer, known.subject))])
    assert (await service.client.get(AVATAR, headers=service.headers(user))).status_code == 403
    assert (await service.client.get(address)).status_code == 200


@pytest.mark.parametrize("size", ["", "?size=64"])
async def test_head_and_ranges_and_conditions(service, size):
    _, address = await with_picture(service)
    answer = await service.client.get(f"{address}{size}")
    head = await service.client.head(f"{address}{size}")
    assert (head.status_code, head.content) == (200, b"")
    unlike = {"x-request-id", "date"}
    assert {n: v for n, v in head.headers.items() if n not in unlike} == {
        n: v for n, v in answer.headers.items() if n not in unlike
    }
    ranged = await service.client.get(f"{address}{size}", headers={"Range": "bytes=0-9"})
    assert (ranged.status_code, ranged.content) == (200, answer.content)
    for tag in (answer.headers["ETag"], f"W/{answer.headers['ETag']}", "*"):
        known = await service.client.get(f"{address}{size}", headers={"If-None-Match": tag})
        assert (known.status_code, known.content) == (304, b"")
        assert known.headers["ETag"] == answer.headers["ETag"]
        assert known.headers["Cache-Control"] == answer.headers["Cache-Control"]
        assert "Content-Type" not in known.headers
    stale = await service.client.get(f"{address}{size}", headers={"If-None-Match": '"x"'})
    assert stale.status_code == 200
    refused = await service.client.put(f"{address}{size}", content=b"")
    assert_error(refused, Code.METHOD_NOT_ALLOWED)
    assert refused.headers["Allow"] == "GET, HEAD"


async def test_neither_a_token_nor_a_tenant_counts(service):
    _, address = await with_picture(service)
    headers = {"Authorization": "Bearer nonsense", "X-Tenant-ID": OTHER_TENANT}
    assert (await service.client.get(address, headers=headers)).content == PICTURE


@pytest.mark.parametrize("media_type", PICTURES)
async def test_ones_own_picture_says_where_others_see_it(on_each_store, media_type):
    image = PICTURES[media_type]
    user, address = await with_picture(on_each_store, image)
    headers = on_each_store.headers(user)
    answer = await on_each_store.client.get(AVATAR, headers=headers)
    assert (answer.status_code, answer.content) == (200, image)
    assert answer.headers["Content-Type"] == media_type
    assert answer.headers["Content-Location"] == address
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    etag = answer.headers["ETag"]
    assert (await on_each_store.client.get(address)).headers["ETag"] == etag
    known = await on_each_store.client.get(AVATAR, headers=headers | {"If-None-Match": etag})
    assert (known.status_code, known.content) == (304, b"")
    assert known.headers["Content-Location"] == address
    head = await on_each_store.client.head(AVATAR, headers=headers)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(image))


async def test_ones_own_picture_is_asked_for_like_ones_own_profile(service):
    user = await service.person()
    assert_error(await service.client.get(AVATAR, headers=service.headers(user)), Code.NOT_FOUND)
    headers = service.headers(user)
    for sent, code in [
        ({}, Code.UNAUTHENTICATED),
        ({"Authorization": headers["Authorization"]}, Code.INVALID_TENANT_ID),
        (headers | {"X-Tenant-ID": OTHER_TENANT}, Code.TENANT_MISMATCH),
        (service.headers(user, sub="nobody"), Code.NOT_FOUND),
        (service.headers(await service.person(email="hidden@example.com")), Code.FORBIDDEN),
    ]:
        answer = await service.client.get(AVATAR, headers=sent)
        assert answer.json()["code"] == code


async def test_a_metric_and_a_line_of_the_log_name_the_route_and_no_address(service):
    _, address = await with_picture(service)
    await service.client.get(address)
    metrics = (await service.client.get("/metrics")).text
    assert 'route="/v1/avatars/{tenant}/{user}/{digest}"' in metrics
    assert address.rpartition("/")[2] not in metrics


async def test_one_copy_in_a_cache_does_for_pages_of_allowed_origins_and_of_others(tmp_path):
    async with running(tmp_path, cors_origins=["https://app.example"]) as service:
        _, address = await with_picture(service)
        for origin in ("https://app.example", "https://elsewhere.example", "null", None):
            headers = {"Origin": origin} if origin else {}
            answer = await service.client.get(address, headers=headers)
            assert answer.headers.get_list("Access-Control-Allow-Origin") == ["*"]
            assert "Vary" not in answer.headers
            exposed = answer.headers.get("Access-Control-Expose-Headers", "")
            assert ("ETag" in exposed) or origin != "https://app.example"
