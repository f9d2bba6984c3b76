package rabbit

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A little of AMQP 0-9-1, as its server speaks it.

// Kinds of frames, and the byte that ends each.
const (
	frameMethod    = 1
	frameHeader    = 2
	frameBody      = 3
	frameHeartbeat = 8
	frameEnd       = 0xCE
)

// A method is named by its class and its number in that.
type method struct{ class, number uint16 }

var (
	connectionStart   = method{10, 10}
	connectionStartOK = method{10, 11}
	connectionTune    = method{10, 30}
	connectionTuneOK  = method{10, 31}
	connectionOpen    = method{10, 40}
	connectionOpenOK  = method{10, 41}
	connectionClose   = method{10, 50}
	connectionCloseOK = method{10, 51}
	channelOpen       = method{20, 10}
	channelOpenOK     = method{20, 11}
	channelClose      = method{20, 40}
	channelCloseOK    = method{20, 41}
	exchangeDeclare   = method{40, 10}
	exchangeDeclareOK = method{40, 11}
	queueDeclare      = method{50, 10}
	queueDeclareOK    = method{50, 11}
	queueBind         = method{50, 20}
	queueBindOK       = method{50, 21}
	basicPublish      = method{60, 40}
	basicReturn       = method{60, 50}
	basicAck          = method{60, 80}
	basicNack         = method{60, 120}
	confirmSelect     = method{85, 10}
	confirmSelectOK   = method{85, 11}
)

type frame struct {
	kind    byte
	channel uint16
	payload []byte
}

func readFrame(r *bufio.Reader) (f frame, err error) {
	var head [7]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return f, err
	}
	f.kind, f.channel = head[0], binary.BigEndian.Uint16(head[1:])
	f.payload = make([]byte, binary.BigEndian.Uint32(head[3:]))
	if _, err := io.ReadFull(r, f.payload); err != nil {
		return f, err
	}
	if end, err := r.ReadByte(); err != nil || end != frameEnd {
		return f, fmt.Errorf("frame ends with %d: %w", end, err)
	}
	return f, nil
}

// method splits off what a frame's method is.
func (f *frame) method() (method, []byte, error) {
	if f.kind != frameMethod || len(f.payload) < 4 {
		return method{}, nil, errors.New("frame is no method")
	}
	return method{binary.BigEndian.Uint16(f.payload), binary.BigEndian.Uint16(f.payload[2:])}, f.payload[4:], nil
}

func appendFrame(dst []byte, kind byte, channel uint16, payload []byte) []byte {
	dst = binary.BigEndian.AppendUint16(append(dst, kind), channel)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(payload))) //nolint:gosec // small
	return append(append(dst, payload...), frameEnd)
}

// appendMethod appends the frame of a method. Its arguments are byte, uint16, uint32, uint64 and string (a short one).
func appendMethod(dst []byte, channel uint16, m method, args ...any) []byte {
	payload := binary.BigEndian.AppendUint16(nil, m.class)
	payload = binary.BigEndian.AppendUint16(payload, m.number)
	for _, arg := range args {
		switch v := arg.(type) {
		case byte:
			payload = append(payload, v)
		case uint16:
			payload = binary.BigEndian.AppendUint16(payload, v)
		case uint32:
			payload = binary.BigEndian.AppendUint32(payload, v)
		case uint64:
			payload = binary.BigEndian.AppendUint64(payload, v)
		case string:
			payload = append(append(payload, byte(len(v))), v...)
		default:
			panic(fmt.Sprintf("no argument of AMQP: %T", arg))
		}
	}
	return appendFrame(dst, frameMethod, channel, payload)
}

// longString is a string whose length has four bytes.
func longString(s string) []any {
	args := []any{uint32(len(s))} //nolint:gosec // small
	for _, b := range []byte(s) {
		args = append(args, b)
	}
	return args
}
