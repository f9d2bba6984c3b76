// Package migrations holds the schema's steps, one statement to a file, for MySQL and MariaDB and for SQLite. A step
// has the same number and name in both folders and is never edited after a release: MySQL's DDL is not transactional,
// so a step that failed is simply run again.
//
// Numbers: 00001-00099 the pipeline's tables, 00101-00199 the catalog's, later releases from 00201.
//
// Place on the click's way: before it, once.
package migrations

import (
	"embed"
	"io/fs"
)

//go:embed mysql/*.sql sqlite/*.sql
var files embed.FS

// FS returns the steps of a folder: "mysql" (MariaDB too) or "sqlite".
func FS(folder string) fs.FS {
	sub, err := fs.Sub(files, folder)
	if err != nil {
		panic(err) // the folder is a constant of ours
	}
	return sub
}
