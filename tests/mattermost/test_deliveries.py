"""What is kept of files on their way to the server: one thread uploads while another watches a job."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from migrator.adapters.mattermost.delivery import Deliveries, State


def test_two_threads_may_save_at_once(tmp_path: Path) -> None:
    files = [tmp_path / f"import-{number:03}.zip" for number in range(8)]
    for file in files:
        file.write_bytes(file.name.encode())
    known = Deliveries(tmp_path / "deliveries.json")

    def bring(file: Path) -> None:
        for state in (State.UPLOADED, State.DONE) * 20:
            known.of(file).state = state
            known.save()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(bring, files))
    again = Deliveries(tmp_path / "deliveries.json")
    assert {delivery.name: delivery.state for delivery in again} == {file.name: State.DONE for file in files}
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_what_another_conversion_uploaded_is_known_until_it_is_gone(tmp_path: Path) -> None:
    file, known = tmp_path / "import-001.zip", Deliveries(tmp_path / "deliveries.json")
    file.write_bytes(b"first")
    delivery = known.of(file)
    delivery.stored, delivery.state = "a_import-001.zip", State.UPLOADED
    known.save()
    file.write_bytes(b"second")
    again = Deliveries(tmp_path / "deliveries.json").of(file)
    assert (again.state, again.stored, again.stale) == (State.WRITTEN, "", ["a_import-001.zip"])
    known = Deliveries(tmp_path / "deliveries.json")
    (forgotten,) = known.retain({"import-002.zip"})
    assert forgotten.held == ["a_import-001.zip"]
    assert list(Deliveries(tmp_path / "deliveries.json")) == []
