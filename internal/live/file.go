package live

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"

	"github.com/reeve-platform/reeve/domain"
)

// The file begins with magic and a salt. Chunks follow: a length, a nonce, and what
// is sealed: JSON under zstd (RFC 8878). It is sealed with AES-256-GCM (NIST SP
// 800-38D) under a key of this file alone, and bound to the number of the chunk: no
// piece can be changed, moved or left out, and only the end can be missing.
const (
	magic    = "reeve replica 2\n"
	saltSize = 32
	maxChunk = 256 << 20 // bytes
)

// A chunk is some events, the position that the copy reaches with them, and until
// when the log is known to have held nothing more. One without events only says so,
// and the next chunk takes its place.
type chunk struct {
	To     uint64    `json:"to"`
	AsOf   time.Time `json:"asOf,omitzero"`
	Events []stored  `json:"events"`
}

// A stored event is as it is in the log.
type stored struct {
	ID       uuid.UUID       `json:"id"`
	Type     string          `json:"type"`
	Version  int             `json:"v"`
	Stream   domain.StreamID `json:"stream"`
	Revision uint64          `json:"rev"`
	Position uint64          `json:"pos"`
	Meta     domain.Meta     `json:"meta"`
	Data     []byte          `json:"data"`
}

func storedOf(events []domain.Recorded) []stored {
	out := make([]stored, len(events))
	for i, e := range events {
		out[i] = stored{e.ID, e.Type, e.Version, e.Stream, e.Revision, e.Position, e.Meta, e.Data}
	}
	return out
}

// recorded decodes an event, as whoever reads the log does.
func (s stored) recorded(registry *domain.Registry) domain.Recorded {
	r := domain.Recorded{ID: s.ID, Type: s.Type, Version: s.Version, Stream: s.Stream, Revision: s.Revision, Position: s.Position, Meta: s.Meta, Data: s.Data}
	event, err := registry.Decode(s.Type, max(s.Version, 1), s.Data)
	if err != nil {
		r.Err = fmt.Errorf("event %s of type %s, revision %d of %s, position %d: %w", s.ID, s.Type, s.Revision, s.Stream, s.Position, err)
	}
	r.Event = event
	return r
}

// openFile finds out how much of the file is whole, and cuts off the rest.
func (r *Replica) openFile() error {
	if err := os.MkdirAll(filepath.Dir(r.Path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(r.Path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	r.file = f
	head := make([]byte, len(magic)+saltSize)
	if _, err := io.ReadFull(f, head); err != nil || string(head[:len(magic)]) != magic {
		return r.begin()
	}
	if r.aead, err = aeadOf(r.Key, head[len(magic):]); err != nil {
		return err
	}
	r.size = int64(len(head))
	whole := r.size
	for c, err := range r.read(^uint64(0)) {
		if err != nil {
			r.Logger.Warn("the local copy of the log is not whole; the rest is read from the log", "path", r.Path, "chunks", r.chunks, "error", err)
			break
		}
		whole += c.size
		r.end.to, r.asOf = c.To, c.AsOf
		if n := len(c.Events); n > 0 {
			r.end.at, r.end.event = c.Events[n-1].Position, c.Events[n-1].ID
			r.chunks++
			r.size += c.size
		}
	}
	r.upTo, r.told = r.end.to, r.asOf
	if r.chunks == 0 {
		return r.begin() // under another key, or damaged from the start
	}
	return f.Truncate(whole)
}

// begin makes the file empty.
func (r *Replica) begin() (err error) {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // it never fails
	if r.aead, err = aeadOf(r.Key, salt); err != nil {
		return err
	}
	if err := r.file.Truncate(0); err != nil {
		return err
	}
	r.end, r.upTo, r.asOf, r.told = mark{}, 0, time.Time{}, time.Time{}
	r.size = int64(len(magic) + saltSize)
	_, err = r.file.WriteAt(append([]byte(magic), salt...), 0)
	return err
}

func aeadOf(kek, salt []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, kek, salt, "reeve replica v1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// number binds a chunk to its place in the file.
func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// seal makes the bytes of a chunk.
func (r *Replica) seal(n uint64, c chunk) ([]byte, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, r.aead.NonceSize())
	_, _ = rand.Read(nonce) // it never fails
	sealed := r.aead.Seal(nonce, nonce, z.EncodeAll(text, nil), number(n))
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(sealed))), sealed...), z.Close()
}

// append adds a chunk to the file, in the place of one that said that nothing is new.
// What a crash leaves of it is cut off.
func (r *Replica) append(c chunk) error {
	b, err := r.seal(r.chunks, c)
	if err != nil {
		return err
	}
	if _, err := r.file.WriteAt(b, r.size); err != nil {
		return err
	}
	if err := r.file.Truncate(r.size + int64(len(b))); err != nil {
		return err
	}
	if len(c.Events) > 0 {
		r.chunks++
		r.size += int64(len(b))
	}
	return nil
}

// A sized chunk knows how many bytes of the file it takes.
type sized struct {
	chunk
	size int64
}

var errDamaged = errors.New("a chunk is damaged, or was sealed with another key")

// read yields the first chunks of the file, and an error where one is not whole.
func (r *Replica) read(most uint64) iter.Seq2[sized, error] {
	return func(yield func(sized, error) bool) {
		z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxChunk))
		if err != nil {
			yield(sized{}, err)
			return
		}
		defer z.Close()
		in := bufio.NewReaderSize(io.NewSectionReader(r.file, int64(len(magic)+saltSize), 1<<62), 1<<20)
		for n := range most {
			c, err := r.next(in, z, n)
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// next reads one chunk. The error is io.EOF if there is none.
func (r *Replica) next(in io.Reader, z *zstd.Decoder, n uint64) (c sized, err error) {
	var length [4]byte
	if _, err := io.ReadFull(in, length[:]); err != nil {
		return c, err
	}
	size := binary.BigEndian.Uint32(length[:])
	if size > maxChunk || int(size) < r.aead.NonceSize() {
		return c, errDamaged
	}
	sealed := make([]byte, size)
	if _, err := io.ReadFull(in, sealed); err != nil {
		return c, errDamaged
	}
	nonce := sealed[:r.aead.NonceSize()]
	packed, err := r.aead.Open(nil, nonce, sealed[len(nonce):], number(n))
	if err != nil {
		return c, errDamaged
	}
	text, err := z.DecodeAll(packed, nil)
	if err != nil {
		return c, errDamaged
	}
	c.size = int64(len(length)) + int64(size)
	return c, json.Unmarshal(text, &c.chunk)
}
