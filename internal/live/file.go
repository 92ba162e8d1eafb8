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
	"slices"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/klauspost/compress/s2"

	"github.com/reeve-platform/reeve/domain"
)

// The file begins with magic and a salt. Chunks follow: a length, a nonce, and what
// is sealed: JSON under S2, which packs three times as fast as zstd and half as well.
// It is sealed with AES-256-GCM (NIST SP 800-38D) under a key of this file alone, and
// bound to its number and to the chunk before: no piece can be changed, moved or left
// out, and only the end can be missing.
const (
	magic    = "reeve replica 4\n"
	saltSize = 32
	maxChunk = 256 << 20 // bytes
)

// A chunk is some events, the event that the copy reaches with them, and until
// when the log is known to have held nothing more. One without events only says so,
// and the next chunk takes its place.
type chunk struct {
	At     uint64    `json:"at"` // position of the last event that was seen, of whatever history
	ID     uuid.UUID `json:"id"` // and the event
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
	Metadata []byte          `json:"meta"`
	Data     []byte          `json:"data"`
}

func storedOf(events []domain.Recorded) []stored {
	out := make([]stored, len(events))
	for i, e := range events {
		out[i] = stored{e.ID, e.Type, e.Version, e.Stream, e.Revision, e.Position, e.Metadata, e.Data}
	}
	return out
}

// recorded decodes an event, as whoever reads the log does.
func (s stored) recorded(registry *domain.Registry) domain.Recorded {
	r := domain.Recorded{ID: s.ID, Type: s.Type, Version: s.Version, Stream: s.Stream, Revision: s.Revision, Position: s.Position, Data: s.Data, Metadata: s.Metadata}
	if json.Unmarshal(s.Metadata, &r.Meta) != nil {
		r.Meta = domain.Meta{} // not ours
	}
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
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errors.Join(fmt.Errorf("another server uses %s: %w", r.Path, err), f.Close())
	}
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
		r.end, r.asOf = mark{c.At, c.ID}, c.AsOf
		if len(c.Events) > 0 {
			r.chunks++
			r.size += c.size
			r.tag = c.tag
		}
	}
	r.seen, r.told = r.end, r.asOf
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
	r.end, r.seen, r.asOf, r.told = mark{}, mark{}, time.Time{}, time.Time{}
	r.chunks, r.tag, r.waiting, r.bytes = 0, nil, nil, 0
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

// place binds a chunk to its number and to the one before, by the tag that seals that.
func place(n uint64, before []byte) []byte {
	return binary.BigEndian.AppendUint64(before[:len(before):len(before)], n)
}

// seal makes the bytes of a chunk.
func (r *Replica) seal(c chunk) ([]byte, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, r.aead.NonceSize())
	_, _ = rand.Read(nonce) // it never fails
	sealed := r.aead.Seal(nonce, nonce, s2.Encode(nil, text), place(r.chunks, r.tag))
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(sealed))), sealed...), nil
}

// append adds a chunk to the file, in the place of one that said that nothing is new.
// What a crash leaves of it is cut off.
func (r *Replica) append(c chunk) error {
	b, err := r.seal(c)
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
		r.tag = r.tagOf(b)
	}
	return nil
}

// tagOf is what authenticates a sealed chunk.
func (r *Replica) tagOf(sealed []byte) []byte {
	return slices.Clone(sealed[len(sealed)-r.aead.Overhead():])
}

// A sized chunk knows how many bytes of the file it takes, and what the next one is
// bound to.
type sized struct {
	chunk
	size int64
	tag  []byte
}

var errDamaged = errors.New("a chunk is damaged, or was sealed with another key")

// read yields the first chunks of the file, and an error where one is not whole.
func (r *Replica) read(most uint64) iter.Seq2[sized, error] {
	return func(yield func(sized, error) bool) {
		in := bufio.NewReaderSize(io.NewSectionReader(r.file, int64(len(magic)+saltSize), 1<<62), 1<<20)
		var before []byte
		for n := range most {
			c, err := r.next(in, place(n, before))
			if errors.Is(err, io.EOF) {
				return
			}
			before = c.tag
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// next reads one chunk. The error is io.EOF if there is none.
func (r *Replica) next(in io.Reader, at []byte) (c sized, err error) {
	var length [4]byte
	if _, err := io.ReadFull(in, length[:]); err != nil {
		return c, err
	}
	size := binary.BigEndian.Uint32(length[:])
	if size > maxChunk || int(size) < r.aead.NonceSize()+r.aead.Overhead() {
		return c, errDamaged
	}
	sealed := make([]byte, size)
	if _, err := io.ReadFull(in, sealed); err != nil {
		return c, errDamaged
	}
	nonce := sealed[:r.aead.NonceSize()]
	packed, err := r.aead.Open(nil, nonce, sealed[len(nonce):], at)
	if err != nil {
		return c, errDamaged
	}
	if n, err := s2.DecodedLen(packed); err != nil || n > maxChunk {
		return c, errDamaged
	}
	text, err := s2.Decode(nil, packed)
	if err != nil {
		return c, errDamaged
	}
	c.size, c.tag = int64(len(length))+int64(size), r.tagOf(sealed)
	return c, json.Unmarshal(text, &c.chunk)
}
