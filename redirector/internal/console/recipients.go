package console

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"strconv"

	"longtail/redirector/internal/account"
)

// recipientsCSV is everybody who clicked, page by page from the API. Recipients are letters, digits, - and _: a leading -
// is the only one that a spreadsheet could take for a formula.
func (c *Console) recipientsCSV(w http.ResponseWriter, r *http.Request) {
	s, ok := c.enter(w, r, account.Read)
	if !ok {
		return
	}
	base := "/api/v1/campaigns/" + url.PathEscape(r.PathValue("campaign")) + "/recipients?limit=1000"
	var page list[recipient]
	if err := c.ask(r.Context(), s.who, base, &page); err != nil {
		c.trouble(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="recipients.csv"`)
	out := csv.NewWriter(w)
	_ = out.Write([]string{"recipient", "clicks", "first", "last"})
	for {
		for _, k := range page.Data {
			name := k.Recipient
			if name != "" && name[0] == '-' {
				name = "'" + name
			}
			_ = out.Write([]string{name, strconv.FormatInt(k.Clicks, 10), stamp(k.First), stamp(k.Last)})
		}
		if page.Next == nil || out.Error() != nil {
			break
		}
		cursor := *page.Next
		page = list[recipient]{}
		if err := c.ask(r.Context(), s.who, base+"&cursor="+url.QueryEscape(cursor), &page); err != nil {
			panic(http.ErrAbortHandler) // a cut answer must not look whole
		}
	}
	out.Flush()
}
