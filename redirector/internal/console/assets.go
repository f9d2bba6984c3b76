package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
)

//go:embed static
var staticFiles embed.FS

// versions are short hashes of the embedded files. They stand in the addresses by which pages name them: a new version of the
// program never shows its pages with the style and script of the one before.
var versions = hashes()

func hashes() map[string]string {
	files, err := fs.Glob(staticFiles, "static/*")
	if err != nil {
		panic(err) // the pattern is part of the program, as the files are
	}
	all := make(map[string]string, len(files))
	for _, file := range files {
		text, err := staticFiles.ReadFile(file)
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(text)
		all[path.Base(file)] = hex.EncodeToString(sum[:6])
	}
	return all
}

// asset is the address of an embedded file.
func asset(name string) string { return "/console/static/" + name + "?v=" + versions[name] }

// assets serves what is embedded. Asked by the version that it has, it may be kept for ever.
func assets() http.Handler {
	files := http.StripPrefix("/console/", http.FileServerFS(staticFiles))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keep := "no-cache"
		if v := r.URL.Query().Get("v"); v != "" && v == versions[path.Base(r.URL.Path)] {
			keep = "max-age=31536000, immutable"
		}
		w.Header().Set("Cache-Control", keep)
		files.ServeHTTP(w, r)
	})
}
