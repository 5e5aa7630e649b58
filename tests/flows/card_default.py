"""@card leaves a card a task: the default one, a blank one with components, several told apart by id."""

from metaflow import FlowSpec, card, current, step
from metaflow.cards import Markdown, Table


class CardDefaultFlow(FlowSpec):
    @card
    @step
    def start(self):
        self.x = 1
        current.card.append(Markdown("CARD-MARK-start"))
        self.items = [1, 2]
        self.next(self.body, foreach="items")

    @card(type="blank", id="first")
    @card(type="blank", id="second")
    @step
    def body(self):
        current.card["first"].append(Markdown(f"CARD-MARK-first{self.input}"))
        current.card["second"].append(Table([["CARD-MARK-table", self.input]]))
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @card(type="blank")
    @step
    def end(self):
        pass


if __name__ == "__main__":
    CardDefaultFlow()
