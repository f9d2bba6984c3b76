// Package naive is what people build first, to compare with: a gin server in front of the same tables. Naive looks the
// link up and inserts the click in the request; Uncached still looks it up in the request but inserts in the background.
// Neither is on the click's way: Longtail does neither.
package naive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-sql-driver/mysql"

	"longtail/shared/click"
)

// connections is the size of the pool, as one would set it.
const connections = 50

// A Server redirects and records. It is an http.Handler.
type Server struct {
	http.Handler

	db     *sql.DB
	domain int64
	record func(ctx context.Context, r row) error
	finish func()
}

// row is a click as it will be inserted.
type row struct {
	id                             click.ID
	campaign, account, link        int64
	recipient, ip, agent, referrer string
}

// Naive opens a server that waits for the insert before it answers.
func Naive(ctx context.Context, dsn string) (*Server, error) {
	s, err := open(ctx, dsn)
	if err != nil {
		return nil, err
	}
	s.record = func(ctx context.Context, r row) error { return s.insert(ctx, []row{r}) }
	s.finish = func() {}
	return s, nil
}

func open(ctx context.Context, dsn string) (*Server, error) {
	c, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, fmt.Errorf("read the database's DSN: %w", err)
	}
	c.InterpolateParams = true
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, fmt.Errorf("read the database's DSN: %w", err)
	}
	s := &Server{db: sql.OpenDB(connector)}
	s.db.SetMaxOpenConns(connections)
	s.db.SetMaxIdleConns(connections)
	if err := s.db.QueryRowContext(ctx, "SELECT id FROM domains ORDER BY is_default DESC, id LIMIT 1").Scan(&s.domain); err != nil {
		return nil, errors.Join(fmt.Errorf("find the installation's domain: %w", err), s.db.Close())
	}
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.GET("/:code", s.click)
	router.GET("/:code/:token", s.click)
	s.Handler = router
	return s, nil
}

// Close inserts what is still held and ends all connections.
func (s *Server) Close() error {
	s.finish()
	return s.db.Close()
}

func (s *Server) click(c *gin.Context) {
	r, url, err := s.find(c.Request.Context(), c.Param("code"))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		c.Status(http.StatusNotFound)
		return
	case err != nil:
		c.Status(http.StatusServiceUnavailable)
		return
	}
	r.recipient, _, _ = strings.Cut(c.Param("token"), ".")
	r.ip, r.agent, r.referrer = c.RemoteIP(), c.Request.UserAgent(), c.Request.Referer()
	if err := s.record(c.Request.Context(), r); err != nil {
		c.Status(http.StatusServiceUnavailable)
		return
	}
	c.Header("Location", url)
	c.Header("Cache-Control", "private, no-store")
	c.Status(http.StatusFound)
}

// find is the lookup that each click costs.
func (s *Server) find(ctx context.Context, code string) (r row, url string, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT id, campaign_id, account_id, url FROM links WHERE domain_id = ? AND code = ? AND state = 1",
		s.domain, code).Scan(&r.link, &r.campaign, &r.account, &url)
	r.id = click.NewID(time.Now().UnixMilli())
	return r, url, err
}

// insert adds clicks in one statement. Nothing keeps one from being inserted twice or being lost: that is the point of
// the comparison.
func (s *Server) insert(ctx context.Context, rows []row) error {
	const head = "INSERT INTO clicks (campaign_id, event_id, day, account_id, link_id, recipient, token, method, class, flags, ip," +
		" user_agent, referrer, time_ms, inserted_ms, rule, rules) VALUES "
	const values = "(?,?,?,?,?,?,0,1,0,0,?,?,?,?,?,0,0)"
	args, now := make([]any, 0, 11*len(rows)), time.Now().UnixMilli()
	for i := range rows {
		r := &rows[i]
		args = append(args, r.campaign, r.id[:], r.id.Day(), r.account, r.link, []byte(r.recipient), []byte(r.ip), []byte(r.agent),
			[]byte(r.referrer), r.id.MS(), now)
	}
	_, err := s.db.ExecContext(ctx, head+strings.Repeat(values+",", len(rows)-1)+values, args...)
	return err
}
