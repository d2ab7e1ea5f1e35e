"""What a better importer for Zulip must do (facts/zulip.md, section 7), and which tests hold it."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
LIVE, FAULTS, CLIENT = "zulip/test_live.py", "zulip/test_faults.py", "zulip/test_client.py"
COMMANDS, RECIPES, TOPICS = "zulip/test_commands.py", "zulip/test_recipes.py", "zulip/test_topics.py"
ROWS, CHECK = "zulip_archive/test_rows.py", "zulip_archive/test_check.py"
IMPORTED, RIVALS = "zulip_archive/test_imported.py", "zulip_archive/test_rivals.py"
WRITERS, GOLDEN, EMOJI = "oracles/test_writers.py", "golden/test_golden.py", "oracles/test_emoji.py"
CONFORMANCE, ENGINE, TEXTS = "conformance/test_conformance.py", "core/test_engine.py", "oracles/test_rivals.py"

HELD: dict[int, tuple[str, list[str]]] = {
    1: ("a thread in one topic, a topic of one thread", [
        f"{ROWS}::test_no_thread_of_many_messages_is_split_and_no_topic_is_mixed",
        f"{ROWS}::test_every_thread_is_one_topic_and_no_topic_holds_two",
        f"{LIVE}::test_every_thread_has_one_topic_and_no_topic_two_threads",
        f"{TOPICS}::test_two_roots_never_share_a_topic"]),
    2: ("nothing lost without a word", [
        f"{ROWS}::test_every_message_is_there_and_ids_follow_time", f"{RIVALS}::test_a_thing_of_slack",
        f"{IMPORTED}::test_everything_is_there_after_the_import",
        f"{COMMANDS}::test_every_feature_arrives_though_the_command_is_killed_twice"]),
    3: ("a bad record never aborts", [f"{RIVALS}::test_what_aborts", "slack/test_broken.py::test_broken_exports"]),
    4: ("private files stay private", [
        f"{LIVE}::test_files_reach_those_who_may_see_them_and_nobody_else",
        f"{ROWS}::test_nobody_sees_a_file_before_the_server_worked_out_who_may", f"{RIVALS}::test_a_thing_of_slack"]),
    5: ("exact mentions", [
        f"{LIVE}::test_mentions_reach_the_right_one_of_two_people_of_the_same_name",
        f"{RIVALS}::test_mentions_of_two_people_of_one_name_reach_each",
        f"{ROWS}::test_mentions_and_links_are_by_id_where_the_sequences_are_given",
        f"{ROWS}::test_mentions_are_by_unique_names_else"]),
    6: ("rich text, blocks and cards beside the words", [
        f"{GOLDEN}::test_outputs_are_as_accepted", f"{GOLDEN}::test_markdown_says_and_marks_the_same"]),
    7: ("code to the byte", [
        f"{TEXTS}::test_the_target_shows_it", f"{WRITERS}::test_long_code_is_fenced_in_every_part",
        f"{WRITERS}::test_the_words_of_any_tree_are_shown"]),
    8: ("what was plain is plain", [
        f"{WRITERS}::test_punctuation_typed_as_text_is_text", f"{WRITERS}::test_marks_of_every_character",
        "oracles/zulip/test_dialect.py::test_the_oracle_renders_as_the_server_did"]),
    9: ("every emoji is itself", [
        f"{EMOJI}::test_every_name_reacts_with_the_same_characters_or_with_none", f"{EMOJI}::test_false_friends",
        f"{LIVE}::test_emoji_with_aliases_tones_and_missing_pictures", f"{RIVALS}::test_a_thing_of_slack"]),
    10: ("from the export alone, in any form", [
        f"{COMMANDS}::test_every_feature_arrives_though_the_command_is_killed_twice", f"{RIVALS}::test_what_aborts",
        f"{CHECK}::test_archives_of_real_exports_have_no_problems", f"{RIVALS}::test_a_thing_of_slack"]),
    11: ("what is too long is cut or divided, never merged", [
        f"{LIVE}::test_long_names_are_shortened_and_no_two_channels_become_one",
        f"{LIVE}::test_text_beyond_the_limit_and_beyond_markdown_arrives", f"{RIVALS}::test_what_aborts",
        f"{COMMANDS}::test_a_plan_tells_of_what_is_there_already_and_of_names_that_change"]),
    12: ("killed anywhere, run again", [
        f"{FAULTS}::test_killed_processes_leave_no_double_and_no_gap",
        f"{FAULTS}::test_lost_connections_and_errors_leave_no_double_and_no_gap",
        f"{FAULTS}::test_a_rate_limit_only_takes_time",
        "zulip/test_finding.py::test_lost_answers_and_lost_calls_by_turns_mix_up_no_equal_posts",
        f"{ROWS}::test_a_run_that_was_stopped_leaves_nothing_that_looks_whole",
        f"{ROWS}::test_written_again_it_is_the_same"]),
    13: ("a later export sends what is new, into an organisation that is there", [
        f"{LIVE}::test_a_later_export_sends_only_the_difference_into_the_same_topics",
        f"{LIVE}::test_archived_channels_take_their_messages_and_later_ones",
        f"{IMPORTED}::test_a_later_export_goes_on_live_and_brings_what_archives_do_not_hold"]),
    14: ("versions", [
        f"{CLIENT}::test_a_version_that_is_not_known_is_refused", f"{CLIENT}::test_known_versions_are_taken",
        f"{ROWS}::test_versions_get_their_own_keys",
        f"{ROWS}::test_a_build_between_two_releases_is_told_apart_by_its_level_or_its_name",
        f"{IMPORTED}::test_the_version_is_asked_of_the_server_where_there_is_one"]),
    15: ("files whole, or a line in their place", [
        f"{CONFORMANCE}::test_a_file_that_comes_up_short_is_an_error", f"{RIVALS}::test_what_aborts",
        f"{IMPORTED}::test_a_file_whose_bytes_changed_is_named",
        f"{CHECK}::test_an_upload_that_is_not_there_or_is_cut_short"]),
    16: ("roots and broadcasts in both places", [
        f"{LIVE}::test_every_thread_has_one_topic_and_no_topic_two_threads", f"{RIVALS}::test_a_thing_of_slack"]),
    17: ("no storm of mail", [
        f"{LIVE}::test_new_accounts_end_as_the_organisation_has_them_and_have_read_everything",
        f"{ROWS}::test_history_arrives_read_and_direct_messages_for_their_people_only"]),
    18: ("ids follow time", [
        f"{LIVE}::test_ids_follow_time_in_every_conversation",
        f"{ROWS}::test_every_message_is_there_and_ids_follow_time", f"{CHECK}::test_damage_in_the_messages"]),
    19: ("speed: bench/zulip.py; fewer rows for idle people, several processes", [
        f"{ROWS}::test_all_rows_are_written_where_idle_people_are_not_trimmed",
        "zulip_archive/test_jobs.py::test_archives_and_plans_are_the_same",
        "zulip_archive/test_jobs.py::test_whoever_is_not_listed_has_the_same_number_whoever_meets_them"]),
    20: ("people", [
        f"{LIVE}::test_an_account_that_is_there_already_is_left_alone",
        f"{LIVE}::test_bots_strangers_guests_and_groups", f"{LIVE}::test_a_list_of_the_movers_says_who_is_who",
        f"{ROWS}::test_a_list_of_the_movers_says_who_is_who",
        f"{ROWS}::test_people_are_who_they_were", f"{RIVALS}::test_a_thing_of_slack"]),
    21: ("what channels and people say of themselves; pins, groups, pictures", [
        f"{RIVALS}::test_a_thing_of_slack", f"{ROWS}::test_pins_are_stars",
        f"{LIVE}::test_what_only_they_could_do_is_left_out_and_the_plan_says_so",
        f"{LIVE}::test_mentions_of_user_groups_are_mentions_where_the_group_is_there"]),
    22: ("edits and deletions", [
        f"{ROWS}::test_reactions_and_edits", f"{RIVALS}::test_a_thing_of_slack",
        f"{LIVE}::test_a_later_export_sends_only_the_difference_into_the_same_topics"]),
    23: ("links lead to the migrated message", [
        f"{ROWS}::test_mentions_and_links_are_by_id_where_the_sequences_are_given", f"{RIVALS}::test_a_thing_of_slack",
        f"{LIVE}::test_links_lead_to_the_migrated_message_earlier_or_later",
        f"{ENGINE}::test_links_to_messages_that_come_later_are_made_in_the_end", f"{TEXTS}::test_the_target_shows_it"]),
    24: ("plan and verify", [
        f"{COMMANDS}::test_a_plan_changes_nothing_on_the_server",
        f"{COMMANDS}::test_a_plan_tells_of_what_is_there_already_and_of_names_that_change",
        f"{IMPORTED}::test_one_damaged_message_is_named",
        f"{IMPORTED}::test_what_nobody_may_read_is_said_and_not_called_missing",
        f"{ENGINE}::test_verify_notices_each_kind_of_damage_and_names_the_post"]),
    25: ("nothing leaks, everything lent is given back", [
        f"{LIVE}::test_what_was_changed_is_given_back", f"{LIVE}::test_no_key_or_address_is_in_what_is_kept_or_said",
        f"{CLIENT}::test_nothing_is_read_from_the_home_folder_or_the_environment",
        f"{RECIPES}::test_the_lines_for_the_host_are_those_that_the_plan_prints",
        f"{RECIPES}::test_the_lines_for_the_host_afterwards_are_those_that_the_move_prints",
        f"{RIVALS}::test_what_aborts"]),
}  # fmt: skip


def test_there_are_twenty_five() -> None:
    assert list(HELD) == list(range(1, 26))


@pytest.mark.parametrize("number", HELD)
def test_its_tests_are_there(number: int) -> None:
    for name in HELD[number][1]:
        path, _, test = name.partition("::")
        assert f"\ndef {test}(" in (TESTS / path).read_text(encoding="utf-8"), name
