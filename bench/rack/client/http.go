package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// httpClient has one connection, which it uses for all requests.
type httpClient struct {
	machine *machine
	agent   string
	conn    *net.TCPConn
	raw     syscall.RawConn
	// buffer has what was read after the header.
	buffer []byte
}

func (m *machine) openHTTP(agent string) *httpClient {
	return &httpClient{machine: m, agent: agent}
}

func (c *httpClient) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// get returns the body of a small file.
func (c *httpClient) get(target string) (string, error) {
	var text []byte
	err := c.insist(func() error {
		length, err := c.send("GET", target, "", 200)
		if err != nil {
			return err
		}
		text = make([]byte, length)
		copied := copy(text, c.buffer)
		_, err = io.ReadFull(c.conn, text[copied:])
		return err
	})
	return string(text), err
}

// download reads a file and discards it.
func (c *httpClient) download(target string) error {
	return c.insist(func() error {
		length, err := c.send("GET", target, "", 200)
		if err != nil {
			return err
		}
		if length == 0 {
			return fmt.Errorf("%s: empty", target)
		}
		if limit := c.machine.rack.MaxBytes; limit > 0 && length > limit {
			// The rest is not wanted, so the connection cannot be used again.
			defer c.close()
			length = limit
		}
		c.machine.rack.countBytes(length)
		return c.discard(length - int64(len(c.buffer)))
	})
}

func (c *httpClient) post(target, body string, wanted int) error {
	return c.insist(func() error {
		length, err := c.send("POST", target, body, wanted)
		if err != nil {
			return err
		}
		// The server closes the connection after a POST.
		err = c.discard(length - int64(len(c.buffer)))
		c.close()
		return err
	})
}

// insist repeats a request, as curl --retry and the scripts of iPXE do.
func (c *httpClient) insist(request func() error) error {
	var err error
	for attempt := range 5 {
		if attempt > 0 {
			c.machine.rack.countRepeated("HTTP")
			time.Sleep(time.Second)
		}
		if err = request(); err == nil {
			return nil
		}
		c.close()
	}
	return err
}

// send sends a request, reads the header of the response, and returns the length of its body.
func (c *httpClient) send(method, target, body string, wanted int) (int64, error) {
	parsed, err := url.Parse(target)
	if err != nil {
		return 0, err
	}
	if c.conn == nil {
		host := parsed.Host
		if parsed.Port() == "" {
			host += ":80"
		}
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(c.machine.Address)}, Deadline: c.machine.rack.deadline}
		opened, err := dialer.Dial("tcp4", host)
		if err != nil {
			return 0, err
		}
		c.conn = opened.(*net.TCPConn)
		_ = c.conn.SetDeadline(c.machine.rack.deadline)
		if c.raw, err = c.conn.SyscallConn(); err != nil {
			return 0, err
		}
	}
	fields := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n", method, parsed.RequestURI(), parsed.Host, c.agent)
	if method == "POST" {
		fields += fmt.Sprintf("Content-Type: text/plain\r\nContent-Length: %d\r\n", len(body))
	}
	if _, err := io.WriteString(c.conn, fields+"\r\n"+body); err != nil {
		return 0, err
	}
	return c.readHeader(target, wanted)
}

func (c *httpClient) readHeader(target string, wanted int) (int64, error) {
	header := make([]byte, 0, 2048)
	for {
		length, err := c.conn.Read(header[len(header):cap(header)])
		if err != nil {
			return 0, fmt.Errorf("%s: %w", target, err)
		}
		header = header[:len(header)+length]
		if end := bytes.Index(header, []byte("\r\n\r\n")); end >= 0 {
			c.buffer = header[end+4:]
			return bodyLength(string(header[:end]), target, wanted)
		}
		if len(header) == cap(header) {
			return 0, fmt.Errorf("%s: header of more than %d bytes", target, cap(header))
		}
	}
}

func bodyLength(header, target string, wanted int) (int64, error) {
	lines := strings.Split(header, "\r\n")
	if !strings.HasPrefix(lines[0], fmt.Sprintf("HTTP/1.1 %d", wanted)) {
		return 0, fmt.Errorf("%s: %s", target, lines[0])
	}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(name, "content-length") {
			return strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		}
	}
	if wanted == 204 {
		return 0, nil
	}
	return 0, fmt.Errorf("%s: no Content-Length", target)
}

// discard drops bytes in the kernel (MSG_TRUNC, tcp(7)), so that this program does not limit the rate.
func (c *httpClient) discard(length int64) error {
	for length > 0 {
		received := 0
		var problem error
		err := c.raw.Read(func(descriptor uintptr) bool {
			received, problem = discardFrom(int(descriptor), int(min(length, 1<<20)))
			return problem != syscall.EAGAIN
		})
		if err == nil {
			err = problem
		}
		if err == nil && received == 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		length -= int64(received)
	}
	return nil
}
