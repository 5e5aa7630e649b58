"""A card refreshed while its step runs ends as what the step made of it last, also in a failed attempt."""

from metaflow import FlowSpec, card, current, retry, step
from metaflow.cards import Markdown


class CardRefreshFlow(FlowSpec):
    @card(type="blank", id="live")
    @retry(times=1, minutes_between_retries=0)
    @step
    def start(self):
        text = Markdown("CARD-MARK-early")
        current.card["live"].append(text)
        current.card["live"].refresh()
        text.update(f"CARD-MARK-late{current.retry_count}")
        current.card["live"].refresh()
        if current.retry_count == 0:
            raise RuntimeError("after a refresh")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    CardRefreshFlow()
