import pytest


@pytest.fixture
async def page(tab):
    """A tab of a browser that nobody has used: providers remember people by cookies."""
    context = await tab.context.browser.new_context()
    page = await context.new_page()
    page.set_default_timeout(60_000)
    yield page
    await context.close()
