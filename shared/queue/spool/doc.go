// Package spool is the local journal: a click is written here before its 302 is sent, and leaves when the next keeper
// has it.
//
// Place on the click's way: edge -> resolve -> spool -> publish (cluster) or ingest (embedded). It survives kill -9 of the
// process in mode Kill and loss of power in mode Power.
//
// # On the disk
//
//	DIR/0/lock                     flock of the slot's owner
//	DIR/0/FEED-BASE.seg            segments: FEED = 32 hexadecimal digits, BASE = 16, the feed's offset of the first frame
//	DIR/0/next.N.tmp               the segment to come, allocated ahead; what ends in .tmp is removed on opening
//	DIR/0/quarantine/FEED-POS.bin  bytes that were no frame, kept for a person to look at
//
// A segment is a header of 64 bytes and frames of package click:
//
//	 0      4    6    8      24     32    36          44        50     54   58   60    64
//	+------+----+----+------+------+-----+-----------+---------+------+----+----+-----+--------
//	| LTSP | v  | 0  | feed | base | crc | confirmed | from_ms | span | n  | f  | crc | frames
//	+------+----+----+------+------+-----+-----------+---------+------+----+----+-----+--------
//	  written once, with a sum            changes, with a sum of its own: how far the feed is handed
//	                                      over; the gap of a full spool (its begin, its ms, its clicks);
//	                                      flags: 1 = the feed is signed off
//
// A position in a feed counts bytes of frames from 0, headers left out. The feed and the base also stand in the file's
// name, so a damaged header costs nothing but clicks sent again: confirmed is written without a sync and may be old.
// Where two segments of a feed overlap, the one with the higher base is right: it was written after a sync failed.
//
// # Feeds
//
// Each opening of a slot begins a feed of its own; no process appends to a feed that another began. What lies in a slot
// whose lock is free is adopted by whoever finds it: delivered, counted, signed off, removed.
package spool
