"""GraphiQL, the reference and pages of other origins, in a real browser."""

import asyncio
import json
import re
from typing import NamedTuple
from urllib.parse import urlencode

import pytest
from playwright.async_api import expect

from browsing import demonstrated, looking_at, needs_chromium
from profile_api.rest.documented import ME
from running import served

pytestmark = needs_chromium
ADA, GRACE = 0, 1


# GraphiQL


async def shown(page):
    """What GraphiQL shows as the answer."""
    await expect(page.locator(".result-window")).to_contain_text("data")
    return await page.evaluate(
        "JSON.parse(document.querySelector('.result-window .CodeMirror').CodeMirror.getValue())"
    )


async def executed(page):
    def is_its_answer(response):
        return "IntrospectionQuery" not in (response.request.post_data or "IntrospectionQuery")

    async with page.expect_response(is_its_answer):
        await page.click(".graphiql-execute-button")
    await expect(page.locator(".graphiql-spinner")).to_have_count(0)
    return (await shown(page))["data"]


async def test_graphiql_runs_a_query_a_mutation_and_the_error_case(tab, demo):
    async with looking_at(tab, demo, "/graphql") as page:
        assert (await executed(page))["me"]["name"] == "Ada Lovelace"
        await page.get_by_role("tab", name="Rename").click()
        assert (await executed(page))["updateMyProfile"]["name"] == "Countess of Lovelace"
        await page.get_by_role("tab", name="TooLong").click()
        refused = (await executed(page))["updateMyProfile"]
        assert [each["code"] for each in refused["violations"]] == ["too_long"]


async def test_graphiql_acts_as_the_person_chosen(tab, demo):
    async with looking_at(tab, demo, "/graphql") as page:
        await page.get_by_label("Act as").select_option(label=demo.people[3].label)
        assert (await executed(page))["me"]["name"] == "Edsger Dijkstra"


async def test_graphiql_explains_the_schema(tab, demo):
    async with looking_at(tab, demo, "/graphql", scheme="dark") as page:
        await page.get_by_label("Show Documentation Explorer").click()
        await page.get_by_role("link", name="Mutation").click()
        await expect(page.get_by_text("Changes your own profile")).to_be_visible()


def written(page):
    """What the editor of the tab in front holds."""
    return page.evaluate(
        "document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror.getValue()"
    )


async def write(page, text):
    code = "document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror.setValue"
    await page.evaluate(f"text => {code}(text)", text)


async def kept(page, text):
    """What the storages hold, once the tabs that GraphiQL keeps there have a text."""
    for _ in range(600):
        storages = await page.evaluate("[{...sessionStorage}, {...localStorage}]")
        if text in storages[0].get("graphiql:tabState", ""):
            return json.dumps(storages)
        await asyncio.sleep(0.1)
    raise AssertionError(f"{text} is not kept")


LINKED = """mutation Linked($input: UpdateMyProfileInput!) {
  updateMyProfile(input: $input) { ... on Profile { displayName } }
}"""
LINK = "/graphql?" + urlencode(
    {"query": LINKED, "variables": '{"input": {"displayName": "Linked"}}'}
)


async def test_on_a_phone_graphiql_has_the_answer_below_the_operation(tab, demo):
    async with looking_at(tab, demo, "/graphql", width=375) as page:
        above = await page.locator(".graphiql-editors").bounding_box()
        below = await page.locator(".graphiql-response").bounding_box()
        assert below["y"] >= above["y"] + above["height"]
        assert min(above["width"], below["width"]) > 250
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_graphiql_opens_a_link_without_running_it(tab, demo):
    async with looking_at(tab, demo, LINK) as page:
        await expect(page.get_by_role("tab", name="Linked")).to_have_attribute(
            "aria-selected", "true"
        )
        assert page.url == f"{demo.address}/graphql"
        assert await written(page) == LINKED
        await expect(page.locator(".result-window")).not_to_contain_text("data")
        assert (await executed(page))["updateMyProfile"] == {"displayName": "Linked"}


async def test_graphiql_opens_a_link_beside_what_was_edited_before(tab, demo):
    async with looking_at(tab, demo, "/graphql") as page:
        await write(page, "query Mine { me { etag } }")
        await expect(page.get_by_role("tab", name="Mine")).to_be_visible()
        await kept(page, "query Mine")
        await page.goto(demo.address + LINK)
        await expect(page.get_by_role("tab", name="Linked")).to_have_attribute(
            "aria-selected", "true"
        )
        assert (await executed(page))["updateMyProfile"] == {"displayName": "Linked"}
        await page.get_by_role("tab", name="Mine").click()
        assert set((await executed(page))["me"]) == {"etag"}


async def test_graphiql_keeps_edits_over_a_reload_and_a_token_never(tab, demo):
    async with looking_at(tab, demo, "/graphql") as page:
        await page.get_by_label("Act as").select_option(label=demo.people[GRACE].label)
        await write(page, "query Kept { me { lastName } }")
        assert (await executed(page))["me"] == {"lastName": "Hopper"}
        stored = await kept(page, "query Kept")
        for person in demo.people:
            assert person.token not in stored
        await page.reload()
        await expect(page.get_by_role("tab", name="Kept")).to_have_attribute(
            "aria-selected", "true"
        )
        assert await written(page) == "query Kept { me { lastName } }"
        await page.get_by_label("Act as").select_option(label=demo.people[GRACE].label)
        assert (await executed(page))["me"] == {"lastName": "Hopper"}


# The reference


async def test_the_reference_puts_a_profile(tab, demo):
    async with looking_at(tab, demo, "/docs") as page:
        await page.get_by_label("Act as").select_option(label=demo.people[GRACE].label)
        put = page.locator(".opblock-put")
        await put.locator(".opblock-summary-control").click()
        await put.locator("textarea").fill(json.dumps({"display_name": "Amazing Grace"}))
        await put.locator(".execute").click()
        answer = put.locator(".live-responses-table")
        await expect(answer.locator("tbody .response-col_status").first).to_contain_text("200")
        await expect(answer).to_contain_text("Amazing Grace")
        await expect(answer).to_contain_text("etag")


async def test_the_reference_takes_a_token_by_hand(tab, demo):
    async with looking_at(tab, demo, "/docs") as page:
        await page.locator(".auth-wrapper .authorize").click()
        dialog = page.locator(".auth-container")
        await dialog.get_by_role("button", name="Remove authorization").click()
        await dialog.locator("input").fill(demo.people[ADA].token)
        await dialog.get_by_role("button", name="Apply credentials").click()
        await page.locator(".btn-done").click()
        get = page.locator(".opblock-get").first
        await get.locator(".opblock-summary-control").click()
        await get.locator('[data-param-name="X-Tenant-ID"] input').fill(demo.people[ADA].tenant_id)
        await get.locator(".execute").click()
        await expect(get.locator(".live-responses-table")).to_contain_text("Lovelace")


async def test_a_token_given_to_the_reference_is_not_left_behind_for_its_origin(tab, tmp_path):
    with served(tmp_path) as server:
        async with looking_at(tab, server, "/docs") as page:
            await page.locator(".auth-wrapper .authorize").click()
            dialog = page.locator(".auth-container")
            await dialog.locator("input").fill("a.b.c")
            await dialog.get_by_role("button", name="Apply credentials").click()
            await page.locator(".btn-done").click()
            await expect(page.locator(".auth-wrapper .authorize.locked")).to_be_visible()
            kept = "JSON.stringify([{...localStorage}, {...sessionStorage}])"
            assert "a.b.c" not in await page.evaluate(kept)


async def test_the_reference_has_a_section_for_each_code(tab, demo):
    async with looking_at(tab, demo, "/docs") as page:
        section = page.get_by_role("heading", name="too_long")
        await expect(section).to_be_hidden()
        await page.get_by_text("Each code: what it means").click()
        await expect(section).to_be_visible()
        await expect(page.locator(".info")).to_contain_text("A form can count code points")


async def test_the_reference_is_dark_where_the_reader_is(tab, demo):
    async with looking_at(tab, demo, "/docs", scheme="dark") as page:
        await expect(page.locator("html")).to_have_class("dark-mode")
        await page.emulate_media(color_scheme="light")
        await expect(page.locator("html")).not_to_have_class("dark-mode")


# Pages of other origins

CALL = """async ([address, headers, body]) => {
    const sent = { method: "PUT", headers: { ...headers, "Content-Type": "application/json" } };
    const put = (ifMatch, name) =>
        fetch(address, {
            ...sent,
            headers: { ...sent.headers, "If-Match": ifMatch },
            body: JSON.stringify({ display_name: name }),
        });
    try {
        const first = await put("*", "From afar");
        const late = await put('"other"', "Too late");
        const limited = await put("*", "Too often");
        return {
            statuses: [first.status, late.status, limited.status],
            etag: first.headers.get("ETag"),
            requestId: first.headers.get("X-Request-ID"),
            retryAfter: limited.headers.get("Retry-After"),
        };
    } catch (error) {
        return { error: error.name };
    }
}"""


async def call_from_afar(tab, frontend, demo):
    """Three updates by a page that another origin serves."""
    await tab.goto(frontend.address)
    answer = await tab.evaluate(CALL, [f"{demo.address}{ME}", demo.headers(ADA)])
    await tab.goto("about:blank")
    return answer


class Frontend(NamedTuple):
    address: str


@pytest.fixture
async def frontend():
    """A page of someone else: our own may call nobody but us."""

    async def answer(reader, writer):
        await reader.read(65536)
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nHello"
        )
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield Frontend(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")


async def test_a_page_of_a_named_origin_reads_and_writes(tab, frontend, tmp_path):
    changed = {"cors_origins": (frontend.address,), "rate_limit": "2/minute"}
    async with demonstrated(tmp_path, **changed) as demo:
        answer = await call_from_afar(tab, frontend, demo)
        assert answer["statuses"] == [200, 412, 429]
        assert re.fullmatch(r'"[0-9a-f]{32}-2"', answer["etag"])
        assert re.fullmatch(r"[0-9a-f]{32}", answer["requestId"])
        assert int(answer["retryAfter"]) >= 1
        assert demo.seen[0] == ("OPTIONS", ME)


async def test_a_page_of_another_origin_gets_nothing(tab, frontend, tmp_path):
    async with demonstrated(tmp_path, cors_origins=("https://elsewhere.example",)) as demo:
        assert await call_from_afar(tab, frontend, demo) == {"error": "TypeError"}
        assert [method for method, path in demo.seen if path == ME] == ["OPTIONS"]
