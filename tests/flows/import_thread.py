"""A thread, a lock and a pool made at import work in every task."""

import concurrent.futures
import queue
import threading

from metaflow import FlowSpec, step

ASKED = queue.Queue()
ANSWERED = queue.Queue()
LOCK = threading.Lock()
POOL = concurrent.futures.ThreadPoolExecutor(2)
POOL.submit(pow, 2, 2).result()


def answer():
    while True:
        with LOCK:
            pass
        ANSWERED.put(ASKED.get() * 2)


threading.Thread(target=answer, daemon=True).start()


class ImportThreadFlow(FlowSpec):
    @step
    def start(self):
        self.answer = self.ask(1)
        self.items = [10, 20]
        self.next(self.body, foreach="items")

    @step
    def body(self):
        self.answer = self.ask(self.input)
        self.pooled = POOL.submit(pow, self.input, 2).result(timeout=20)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.answers = [(i.answer, i.pooled) for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        self.last = self.ask(3)

    def ask(self, number):
        with LOCK:
            ASKED.put(number)
        return ANSWERED.get(timeout=20)


if __name__ == "__main__":
    ImportThreadFlow()
