package config

import (
	"net/netip"
	"net/url"
	"time"
)

// The groups of settings. Each has the flags as kong reads them and Parse, which checks them into what code uses.

// Debug is where operators look.
type Debug struct {
	Addr  string // "" = off
	Pprof string // "" = off
	Log   string // text | json | "" = by terminal
}

// DebugFlags are the settings of Debug. The default address differs by program and is set with kong.Vars.
type DebugFlags struct {
	DebugAddr string `name:"debug-addr" env:"LONGTAIL_DEBUG_ADDR" default:"${debug_addr}" help:"Address of /metrics, /livez and /readyz, or off."`
	PprofAddr string `name:"pprof-addr" env:"LONGTAIL_PPROF_ADDR" default:"off" help:"Address of pprof, or off."`
	Log       string `name:"log" env:"LONGTAIL_LOG" default:"" help:"text or json; by default text on a terminal, else json."`
}

// Parse checks the settings.
func (f *DebugFlags) Parse(p *Problems) Debug {
	return Debug{
		Addr:  p.address("LONGTAIL_DEBUG_ADDR", f.DebugAddr),
		Pprof: p.address("LONGTAIL_PPROF_ADDR", f.PprofAddr),
		Log:   p.oneOf("LONGTAIL_LOG", f.Log, "", "text", "json"),
	}
}

// Store is the database.
type Store struct{ DSN string }

// StoreFlags are the settings of Store.
type StoreFlags struct {
	MySQLDSN string `name:"mysql-dsn" env:"LONGTAIL_MYSQL_DSN" default:"longtail:longtail@tcp(mysql:3306)/longtail" help:"MySQL or MariaDB, user:password@tcp(host:port)/database."`
}

// Parse checks the settings. What stands between the slash and the server's answer shows when the store is opened.
func (f *StoreFlags) Parse(p *Problems) Store {
	return Store{p.dataSource("LONGTAIL_MYSQL_DSN", f.MySQLDSN)}
}

// Broker is RabbitMQ.
type Broker struct{ URLs string }

// BrokerFlags are the settings of Broker.
type BrokerFlags struct {
	AMQPURL string `name:"amqp-url" env:"LONGTAIL_AMQP_URL" default:"amqp://longtail:longtail@rabbitmq:5672/" help:"RabbitMQ; several hosts as a list separated by commas."`
}

// Parse checks the settings.
func (f *BrokerFlags) Parse(p *Problems) Broker {
	return Broker{p.serviceURLs("LONGTAIL_AMQP_URL", f.AMQPURL, "amqp", "amqps")}
}

// Cache is what resolve keeps.
type Cache struct {
	Bytes int64
	Redis string // "" = no Redis
}

// CacheFlags are the settings of Cache.
type CacheFlags struct {
	CacheBytes string `name:"cache-bytes" env:"LONGTAIL_CACHE_BYTES" default:"256MiB" help:"Bound of the links kept in memory."`
}

// RedisFlags are the settings of the second tier.
type RedisFlags struct {
	RedisURL string `name:"redis-url" env:"LONGTAIL_REDIS_URL" default:"redis://redis:6379/0" help:"Redis, or off."`
}

// Parse checks the settings.
func (f *CacheFlags) Parse(p *Problems) Cache {
	return Cache{Bytes: p.bytes("LONGTAIL_CACHE_BYTES", f.CacheBytes, 1<<20)}
}

// Parse checks the settings; "" stands for off.
func (f *RedisFlags) Parse(p *Problems) string {
	if f.RedisURL == Off || f.RedisURL == "" {
		return ""
	}
	return p.serviceURLs("LONGTAIL_REDIS_URL", f.RedisURL, "redis", "rediss")
}

// Spool is the local journal.
type Spool struct {
	DataDir  string
	Journal  string // kill | power
	MaxBytes int64
}

// SpoolFlags are the settings of Spool.
type SpoolFlags struct {
	DataDir       string `name:"data-dir" env:"LONGTAIL_DATA_DIR" default:"./data" help:"Folder of the spool's slots, and of SQLite in allinone."`
	Journal       string `name:"journal" env:"LONGTAIL_JOURNAL" default:"kill" help:"kill (survives kill -9) or power (survives power loss)."`
	SpoolMaxBytes string `name:"spool-max-bytes" env:"LONGTAIL_SPOOL_MAX_BYTES" default:"8GiB" help:"Bound of the spool; never more than 80 % of the disk."`
}

// Parse checks the settings.
func (f *SpoolFlags) Parse(p *Problems) Spool {
	if f.DataDir == "" {
		p.Add("LONGTAIL_DATA_DIR", "is empty; want a folder")
	}
	return Spool{
		DataDir:  f.DataDir,
		Journal:  p.oneOf("LONGTAIL_JOURNAL", f.Journal, "kill", "power"),
		MaxBytes: p.bytes("LONGTAIL_SPOOL_MAX_BYTES", f.SpoolMaxBytes, 1<<20),
	}
}

// Public is the clicks' side.
type Public struct {
	Addr    string // "" = off
	URL     *url.URL
	Proxies []netip.Prefix
	IP      string // full | truncated | none
}

// PublicFlags are the settings of Public.
type PublicFlags struct {
	PublicAddr     string `name:"public-addr" env:"LONGTAIL_PUBLIC_ADDR" default:":8080" help:"Address for clicks, or off."`
	PublicURL      string `name:"public-url" env:"LONGTAIL_PUBLIC_URL" default:"http://localhost:8080" help:"Base of tracked URLs; its host is the default domain."`
	TrustedProxies string `name:"trusted-proxies" env:"LONGTAIL_TRUSTED_PROXIES" default:"" help:"CIDRs whose X-Forwarded-For is believed."`
	IP             string `name:"ip" env:"LONGTAIL_IP" default:"truncated" help:"What is kept of a clicker's address: full, truncated or none."`
}

// Parse checks the settings.
func (f *PublicFlags) Parse(p *Problems) Public {
	return Public{
		Addr:    p.address("LONGTAIL_PUBLIC_ADDR", f.PublicAddr),
		URL:     p.baseURL("LONGTAIL_PUBLIC_URL", f.PublicURL),
		Proxies: p.prefixes("LONGTAIL_TRUSTED_PROXIES", f.TrustedProxies),
		IP:      p.oneOf("LONGTAIL_IP", f.IP, "truncated", "full", "none"),
	}
}

// API is the platforms' side.
type API struct {
	Addr string // "" = off
	Rate int    // requests a second of one key
	DNS  string // host:port of the server that is asked about domains; "" = the system's
}

// APIFlags are the settings of API.
type APIFlags struct {
	APIAddr string `name:"api-addr" env:"LONGTAIL_API_ADDR" default:"127.0.0.1:8081" help:"Address of the API, or off."`
	APIRate string `name:"api-rate" env:"LONGTAIL_API_RATE" default:"100" help:"Requests a second of one key; twice as many in a burst."`
	DNSAddr string `name:"dns-addr" env:"LONGTAIL_DNS_ADDR" default:"off" help:"HOST:PORT of the DNS server that is asked whether a domain is its account's; off = the system's."`
}

// Parse checks the settings.
func (f *APIFlags) Parse(p *Problems) API {
	return API{
		Addr: p.address("LONGTAIL_API_ADDR", f.APIAddr),
		Rate: p.number("LONGTAIL_API_RATE", f.APIRate, 1, 1_000_000),
		DNS:  p.address("LONGTAIL_DNS_ADDR", f.DNSAddr),
	}
}

// Bounds of the settings of Pool, also of what is set while the workers run.
const (
	MostInsertRate = 10_000_000
	MostPrefetch   = 2000
	MostConsumers  = 64
	MostBatchSize  = 10_000
	LeastBatchAge  = time.Millisecond
	MostBatchAge   = time.Minute
)

// Pool is how fast and in what pieces the workers store clicks.
type Pool struct {
	InsertRate int // rows of clicks a second of the whole pool; 0 = no limit
	Prefetch   int // messages per consumer
	Consumers  int // per worker
	BatchSize  int // clicks per transaction
	BatchAge   time.Duration
}

// PoolFlags are the settings of Pool.
type PoolFlags struct {
	InsertRate string `name:"insert-rate" env:"LONGTAIL_INSERT_RATE" default:"0" help:"Rows of clicks a second of the whole pool; 0 = no limit."`
	Prefetch   string `name:"prefetch" env:"LONGTAIL_PREFETCH" default:"500" help:"Messages in hand per consumer."`
	Consumers  string `name:"consumers" env:"LONGTAIL_CONSUMERS" default:"1" help:"Consumers per worker."`
	BatchSize  string `name:"batch-size" env:"LONGTAIL_BATCH_SIZE" default:"2000" help:"Clicks per transaction."`
	BatchAge   string `name:"batch-age" env:"LONGTAIL_BATCH_AGE" default:"1s" help:"Longest wait of a click for its batch to fill."`
}

// Parse checks the settings.
func (f *PoolFlags) Parse(p *Problems) Pool {
	return Pool{
		InsertRate: p.number("LONGTAIL_INSERT_RATE", f.InsertRate, 0, MostInsertRate),
		Prefetch:   p.number("LONGTAIL_PREFETCH", f.Prefetch, 1, MostPrefetch),
		Consumers:  p.number("LONGTAIL_CONSUMERS", f.Consumers, 1, MostConsumers),
		BatchSize:  p.number("LONGTAIL_BATCH_SIZE", f.BatchSize, 1, MostBatchSize),
		BatchAge:   p.duration("LONGTAIL_BATCH_AGE", f.BatchAge, LeastBatchAge, MostBatchAge),
	}
}

// RetentionFlags are the settings of how long raw clicks are kept.
type RetentionFlags struct {
	Retention string `name:"retention" env:"LONGTAIL_RETENTION" default:"400d" help:"How long raw clicks are kept; rollups stay."`
}

// Parse checks the settings.
func (f *RetentionFlags) Parse(p *Problems) time.Duration {
	return p.duration("LONGTAIL_RETENTION", f.Retention, 48*time.Hour, 100*365*24*time.Hour)
}
