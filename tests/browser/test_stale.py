"""What is stale says so in the live view, with the reason, and a button runs only that."""

from playwright.sync_api import expect

from tests.browser.conftest import PRELUDE

READ = "%%flow prices --step Read --run\norders = [1, 2, 3]"
PRICE = "%%flow prices --step Price --run\nprice = factor * sum(orders)"
SHOW = "print('price', price)"


def test_a_stale_step_says_why_and_is_run_alone(notebook):
    notebook.open(PRELUDE, "factor = 2", READ, PRICE, "factor = 3", SHOW)
    notebook.run(0, 1, 2, 3)
    view = notebook.view(3)
    again = view.get_by_role("button", name="Run what is stale")
    expect(view.locator(".node")).to_have_count(2)
    expect(again).to_be_hidden()
    notebook.run(4)
    price = view.locator(".node").filter(has_text="Price")
    expect(price).to_contain_text("stale")
    expect(view.locator(".node").filter(has_text="Read")).not_to_contain_text("stale")
    price.press("Enter")
    expect(view.locator(".inspector")).to_contain_text("factor has changed")
    expect(view.locator(".inspector .value")).to_contain_text("price: int")
    notebook.picture("stale-step")
    again.click()
    expect(price).not_to_contain_text("stale")
    expect(again).to_be_hidden()
    notebook.run(5)
    expect(notebook.output(5)).to_contain_text("price 18")
    assert not notebook.complaints
