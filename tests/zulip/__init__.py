"""Zulip's live route. Where the 25 requirements of facts/zulip.md section 7 are held:

 1 threads: test_live (every_thread_has_one_topic), test_topics    2 no silent loss: test_commands, ledger
 3 odd records: the reader's own tests                              4 private files: test_live (files_reach)
 5 exact mentions: test_live (mentions_reach)                       6, 7, 8 text: tests/oracles, tests/golden
 9 emoji: test_live (emoji_with_aliases), tests/oracles            10 the export alone: test_commands
11 long names: test_live (long_names, text_beyond)                 12 kill and rerun: test_faults, test_commands
13 later exports: test_live (a_later_export, archived, left)       14 versions: test_client (known, not known)
15 files whole: conformance (comes_up_short), verify's hashes      16 roots and broadcasts: test_live (threads)
17 no storm: conftest (no mail in any test), test_live (new_accounts)   18 order: test_live (ids_follow_time)
19 speed: the archive's                                            20 people: test_live (bots, account_that_is_there)
21 topic, purpose, groups, fields: test_live; pins, avatars and icon are the archive's
22 edits: test_live (a_later_export); marks of old edits are the archive's    23 links: tests/golden, lane
24 plan and verify: test_commands, test_live                       25 safety: test_live (given_back, no_key)
"""
