"""IncludeFile carries a file's content with the run, as text or bytes, by default or as given."""

from metaflow import FlowSpec, IncludeFile, step


class IncludeFileFlow(FlowSpec):
    note = IncludeFile("note", default="data/note.txt", encoding="utf-8")
    blob = IncludeFile("blob", default="data/blob.bin", is_text=False)
    absent = IncludeFile("absent", required=False)

    @step
    def start(self):
        self.note_in_start = self.note
        self.next(self.end)

    @step
    def end(self):
        self.note_in_end = self.note
        self.blob_in_end = self.blob
        self.types = (type(self.note).__name__, type(self.blob).__name__, self.absent)


if __name__ == "__main__":
    IncludeFileFlow()
