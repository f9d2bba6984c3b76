package storage

import (
	"context"
	"database/sql"
	"fmt"

	"longtail/shared/link"
)

// The table link_tags: the index of the tags in links.

type linkTag struct {
	account uint32
	tag     string
	link    uint64
}

func tagsOf(l *link.Link) []linkTag {
	tags := make([]linkTag, len(l.Tags))
	for i, tag := range l.Tags {
		tags[i] = linkTag{l.Account, tag, l.ID}
	}
	return tags
}

func (d *DB) addTags(ctx context.Context, tx *sql.Tx, tags []linkTag) error {
	insert := multi{
		head: "INSERT INTO link_tags (account_id, tag, link_id) VALUES ",
		cols: 3,
		tail: d.dia.Ignore("link_tags", "account_id, tag, link_id"), // the same tag twice on a link
	}
	_, err := insert.run(ctx, d, tx, len(tags), func(args []any, i int) []any {
		return append(args, tags[i].account, []byte(tags[i].tag), tags[i].link)
	})
	return err
}

// replaceTags makes the index of a link follow its tags.
func (d *DB) replaceTags(ctx context.Context, tx *sql.Tx, l *link.Link) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM link_tags WHERE link_id = ?", l.ID); err != nil {
		return fmt.Errorf("remove tags: %w", err)
	}
	return d.addTags(ctx, tx, tagsOf(l))
}
