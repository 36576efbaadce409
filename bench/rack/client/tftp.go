package main

import (
	"encoding/binary"
	"fmt"
	"math/rand"
	"net"
	"net/netip"
	"strconv"
	"time"
)

const (
	readRequest   = 1
	dataPacket    = 3
	ackPacket     = 4
	errorPacket   = 5
	optionsPacket = 6
)

// transfer reads one file (RFC 1350, 2347, 2348, 2349, 7440).
type transfer struct {
	machine *machine
	socket  *net.UDPConn
	peer    netip.AddrPort
	random  *rand.Rand
	// late is a packet that arrives after the next one, which isDue shows.
	late   []byte
	isDue  bool
	buffer []byte

	blockSize, windowSize int
	size                  int64
}

// readFile requests the size of a file first, as OVMF does, then reads the file.
func (m *machine) readFile(name string) error {
	size, err := m.read(name, true)
	if err != nil {
		return err
	}
	received, err := m.read(name, false)
	if err == nil && received != size {
		err = fmt.Errorf("%d bytes of %s, which has %d", received, name, size)
	}
	m.rack.countBytes(received)
	return err
}

func (m *machine) read(name string, isProbe bool) (int64, error) {
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(m.Address)})
	if err != nil {
		return 0, err
	}
	defer socket.Close()
	server, err := netip.ParseAddr(m.server)
	if err != nil {
		return 0, err
	}
	t := &transfer{
		machine: m, socket: socket, peer: netip.AddrPortFrom(server, 69),
		random:    rand.New(rand.NewSource(m.rack.Seed + int64(m.index))),
		blockSize: 512, windowSize: 1, size: -1, buffer: make([]byte, 65536),
	}
	request := append(binary.BigEndian.AppendUint16(nil, readRequest), name+"\x00octet\x00"...)
	if isProbe {
		request = append(request, "tsize\x000\x00"...)
	}
	request = append(request, "blksize\x00"+strconv.Itoa(m.rack.BlockSize)+"\x00"...)
	if m.rack.WindowSize > 1 {
		request = append(request, "windowsize\x00"+strconv.Itoa(m.rack.WindowSize)+"\x00"...)
	}
	packet, err := t.exchange(request)
	if err != nil {
		return 0, err
	}
	if isProbe {
		err := t.readOptions(packet)
		// Error 8 ends a transfer after its options (RFC 2347).
		t.send(append([]byte{0, errorPacket, 0, 8}, "User aborted the transfer\x00"...))
		if err == nil && t.size < 0 {
			err = fmt.Errorf("no tsize for %s", name)
		}
		return t.size, err
	}
	if binary.BigEndian.Uint16(packet) == optionsPacket {
		if err := t.readOptions(packet); err != nil {
			return 0, err
		}
		packet = nil
	}
	return t.receiveBlocks(packet)
}

// receiveBlocks acknowledges each window, and repeats its last ACK after an unexpected block. `first` is a block that has arrived.
func (t *transfer) receiveBlocks(first []byte) (int64, error) {
	var received int64
	last, inWindow := uint16(0), 0
	packet := first
	if packet == nil {
		t.sendAck(0)
	}
	repeats := 0
	for {
		if packet == nil {
			var err error
			if packet, err = t.receive(); err != nil {
				repeats++
				if repeats > 6 {
					return 0, fmt.Errorf("no block after block %d", last)
				}
				t.machine.rack.countRepeated("TFTP")
				t.sendAck(last)
				inWindow = 0
				continue
			}
		}
		kind, block := binary.BigEndian.Uint16(packet), binary.BigEndian.Uint16(packet[2:])
		length := len(packet) - 4
		packet, repeats = nil, 0
		if kind == errorPacket {
			return 0, fmt.Errorf("error %d", block)
		}
		if kind != dataPacket {
			t.sendAck(last)
			continue
		}
		if block != last+1 {
			// As OVMF does for a gap and for a repeated block: the server continues after this ACK.
			t.sendAck(last)
			inWindow = 0
			continue
		}
		last = block
		received += int64(length)
		inWindow++
		if length < t.blockSize {
			t.sendAck(last)
			return received, nil
		}
		if inWindow >= t.windowSize {
			t.sendAck(last)
			inWindow = 0
		}
	}
}

// exchange sends the request until a reply arrives. The server replies from the port of the transfer.
func (t *transfer) exchange(request []byte) ([]byte, error) {
	for attempt := range 7 {
		if attempt > 0 {
			t.machine.rack.countRepeated("TFTP")
		}
		t.send(request)
		packet, err := t.receive()
		if err != nil {
			continue
		}
		if binary.BigEndian.Uint16(packet) == errorPacket {
			return nil, fmt.Errorf("error %d: %q", binary.BigEndian.Uint16(packet[2:]), packet[4:])
		}
		return packet, nil
	}
	return nil, fmt.Errorf("no reply")
}

func (t *transfer) readOptions(packet []byte) error {
	if binary.BigEndian.Uint16(packet) != optionsPacket {
		return fmt.Errorf("packet %d instead of options", binary.BigEndian.Uint16(packet))
	}
	fields := splitZero(packet[2:])
	for at := 0; at+1 < len(fields); at += 2 {
		value, err := strconv.ParseInt(fields[at+1], 10, 64)
		if err != nil {
			return err
		}
		switch fields[at] {
		case "blksize":
			t.blockSize = int(value)
		case "windowsize":
			t.windowSize = int(value)
		case "tsize":
			t.size = value
		}
	}
	return nil
}

func splitZero(text []byte) []string {
	var fields []string
	from := 0
	for at, octet := range text {
		if octet == 0 {
			fields = append(fields, string(text[from:at]))
			from = at + 1
		}
	}
	return fields
}

func (t *transfer) sendAck(block uint16) {
	t.send(binary.BigEndian.AppendUint16([]byte{0, ackPacket}, block))
}

func (t *transfer) send(packet []byte) {
	if !t.isLost() {
		_, _ = t.socket.WriteToUDPAddrPort(packet, t.peer)
	}
}

func (t *transfer) isLost() bool {
	return t.random.Float64()*100 < t.machine.rack.LossPercent
}

// reorderDelay is how late a reordered packet arrives if no other packet comes first.
const reorderDelay = time.Millisecond

// receive returns the next packet of the server, and learns the port of the transfer from the first one.
func (t *transfer) receive() ([]byte, error) {
	if t.isDue {
		packet := t.late
		t.late, t.isDue = nil, false
		return packet, nil
	}
	timeout := time.Duration(t.machine.rack.TftpTimeoutMs) * time.Millisecond
	_ = t.socket.SetReadDeadline(time.Now().Add(timeout))
	for {
		length, from, err := t.socket.ReadFromUDPAddrPort(t.buffer)
		if err != nil && t.late != nil {
			packet := t.late
			t.late = nil
			return packet, nil
		}
		if err != nil {
			return nil, err
		}
		if length < 4 || t.isLost() || (t.peer.Port() != 69 && from.Port() != t.peer.Port()) {
			continue
		}
		t.peer = netip.AddrPortFrom(t.peer.Addr(), from.Port())
		packet := t.buffer[:length]
		if t.late != nil {
			t.isDue = true
		} else if t.random.Float64()*100 < t.machine.rack.ReorderPercent {
			t.late = append([]byte(nil), packet...)
			_ = t.socket.SetReadDeadline(time.Now().Add(reorderDelay))
			continue
		}
		return packet, nil
	}
}
