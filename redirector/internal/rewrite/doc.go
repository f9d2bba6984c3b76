// Package rewrite puts tracked URLs into a mail in place of its links, and touches nothing else: it finds the byte ranges
// of the links, judges each, and splices. The mail is never parsed into a tree and written again, so what is not a link
// comes out as it came in, broken markup, Outlook's comments and merge tags included.
//
//	source -> HTML | Text -> Plan -> Targets -> (somebody stores them) -> Apply -> Result
//
// It knows no store and no network; time and memory are linear in the mail.
//
// Place on the click's way: before it. A platform has its mail rewritten once, then sends it to everybody.
package rewrite
