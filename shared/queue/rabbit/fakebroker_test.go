package rabbit

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A fakeBroker speaks AMQP on TCP to publishers, and answers their messages as the test decides: what really arrived, and
// what was answered, is known to the last one.
type fakeBroker struct {
	listener net.Listener
	// answerer starts what answers the messages of a connection. It returns when the connection is over (in is closed).
	answerer func(c *fakeConn, in <-chan published)
	// queueThere tells whether the queue of clicks is there. Declaring it makes it.
	queueThere atomic.Bool

	wg    sync.WaitGroup
	mu    sync.Mutex
	conns map[net.Conn]bool
}

// published is a message that arrived.
type published struct {
	tag     uint64
	channel uint16
	number  uint64 // the first eight bytes of its body
	there   bool   // the queue was there when it came
	header  []byte
	body    []byte
}

func newFakeBroker(t *testing.T, answerer func(*fakeConn, <-chan published)) *fakeBroker {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test's own
	if err != nil {
		t.Fatal(err)
	}
	b := &fakeBroker{listener: l, answerer: answerer, conns: map[net.Conn]bool{}}
	b.queueThere.Store(true)
	b.wg.Go(b.accept)
	return b
}

func (b *fakeBroker) url() string { return fmt.Sprintf("amqp://guest:guest@%s/", b.listener.Addr()) }

// close ends all connections and waits for every goroutine.
func (b *fakeBroker) close() {
	_ = b.listener.Close()
	b.mu.Lock()
	for c := range b.conns {
		_ = c.Close()
	}
	b.mu.Unlock()
	b.wg.Wait()
}

func (b *fakeBroker) accept() {
	for {
		conn, err := b.listener.Accept()
		if err != nil {
			return
		}
		b.mu.Lock()
		b.conns[conn] = true
		b.mu.Unlock()
		b.wg.Go(func() {
			c := &fakeConn{broker: b, conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}
			_ = c.serve() // its end is the client's, or the test's
			_ = conn.Close()
			b.mu.Lock()
			delete(b.conns, conn)
			b.mu.Unlock()
		})
	}
}

// A fakeConn is one connection. Several goroutines write to it.
type fakeConn struct {
	broker *fakeBroker
	conn   net.Conn
	in     *bufio.Reader
	mu     sync.Mutex
}

func (c *fakeConn) write(frames []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
	_, _ = c.conn.Write(frames) // a connection that is gone is seen by its reader
}

func (c *fakeConn) send(channel uint16, m method, args ...any) {
	c.write(appendMethod(nil, channel, m, args...))
}

// serve shakes hands and answers until the connection ends.
func (c *fakeConn) serve() error {
	var greeting [8]byte
	if _, err := io.ReadFull(c.in, greeting[:]); err != nil {
		return err
	}
	start := append([]any{byte(0), byte(9), uint32(0)}, longString("PLAIN")...)
	c.send(0, connectionStart, append(start, longString("en_US")...)...)
	messages := make(chan published, 64)
	var answering sync.WaitGroup
	answering.Go(func() { c.broker.answerer(c, messages) })
	defer answering.Wait()
	defer close(messages)
	var tag uint64
	for {
		f, err := readFrame(c.in)
		if err != nil {
			return err
		}
		if f.kind == frameHeartbeat {
			c.write(appendFrame(nil, frameHeartbeat, 0, nil))
			continue
		}
		m, args, err := f.method()
		if err != nil {
			return err
		}
		if m == basicPublish {
			tag++
			p, err := c.message(f.channel, tag)
			if err != nil {
				return err
			}
			messages <- p
			continue
		}
		c.reply(f.channel, m, args)
	}
}

// message reads the header and the body that follow a publish.
func (c *fakeConn) message(channel uint16, tag uint64) (published, error) {
	header, err := readFrame(c.in)
	if err != nil {
		return published{}, err
	}
	p := published{tag: tag, channel: channel, header: header.payload}
	for size := binary.BigEndian.Uint64(header.payload[4:]); uint64(len(p.body)) < size; {
		f, err := readFrame(c.in)
		if err != nil {
			return p, err
		}
		p.body = append(p.body, f.payload...)
	}
	p.number = binary.BigEndian.Uint64(p.body)
	p.there = c.broker.queueThere.Load()
	return p, nil
}

// replies to methods that need no thought.
var replies = map[method]struct {
	method
	args []any
}{
	connectionOpen:  {connectionOpenOK, []any{""}},
	connectionClose: {connectionCloseOK, nil},
	channelOpen:     {channelOpenOK, []any{uint32(0)}},
	channelClose:    {channelCloseOK, nil},
	exchangeDeclare: {exchangeDeclareOK, nil},
	queueBind:       {queueBindOK, nil},
	confirmSelect:   {confirmSelectOK, nil},
}

func (c *fakeConn) reply(channel uint16, m method, args []byte) {
	switch m {
	case connectionStartOK:
		c.send(0, connectionTune, uint16(100), uint32(128<<10), uint16(30))
	case connectionTuneOK, channelCloseOK:
	case queueDeclare:
		c.declare(channel, args)
	default:
		r := replies[m]
		c.send(channel, r.method, r.args...)
	}
}

// declare makes a queue, or says that there is none to a passive question.
func (c *fakeConn) declare(channel uint16, args []byte) {
	name := string(args[3 : 3+int(args[2])])
	passive := args[3+len(name)]&1 != 0
	if passive && name == ClicksQueue && !c.broker.queueThere.Load() {
		c.send(channel, channelClose, uint16(404), "NOT_FOUND", queueDeclare.class, queueDeclare.number)
		return
	}
	if name == ClicksQueue {
		c.broker.queueThere.Store(true)
	}
	c.send(channel, queueDeclareOK, name, uint32(0), uint32(0))
}

// ack, nack and giveBack are the answers to messages.
func (c *fakeConn) ack(channel uint16, tag uint64, multiple bool) {
	c.send(channel, basicAck, tag, bit(multiple))
}

func (c *fakeConn) nack(channel uint16, tag uint64, multiple bool) {
	c.send(channel, basicNack, tag, bit(multiple))
}

// giveBack returns a message as unroutable and then confirms it, as RabbitMQ does.
func (c *fakeConn) giveBack(p *published) {
	frames := appendMethod(nil, p.channel, basicReturn, uint16(312), "NO_ROUTE", "", ClicksQueue)
	frames = appendFrame(frames, frameHeader, p.channel, p.header)
	frames = appendFrame(frames, frameBody, p.channel, p.body)
	c.write(appendMethod(frames, p.channel, basicAck, p.tag, bit(false)))
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}
