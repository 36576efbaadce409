package main

import (
	"encoding/binary"
	"fmt"
	"math/rand"
	"net"
	"net/netip"
	"strings"
	"time"
)

const (
	typeA    = 1
	typePTR  = 12
	typeAAAA = 28
)

// queryNames resolves the names that a live system needs, as a resolver does: from a new port for each query.
func (m *machine) queryNames() error {
	own := m.Name + "." + m.rack.Domain
	labels := strings.Split(m.Address, ".")
	reverse := labels[3] + "." + labels[2] + "." + labels[1] + "." + labels[0] + ".in-addr.arpa"
	for _, question := range []struct {
		name string
		kind uint16
	}{
		{own, typeA}, {reverse, typePTR},
		{"api-int." + m.rack.Domain, typeA}, {"api-int." + m.rack.Domain, typeAAAA},
		{"api." + m.rack.Domain, typeA}, {"console.apps." + m.rack.Domain, typeA},
	} {
		if err := m.query(question.name, question.kind); err != nil {
			return err
		}
	}
	return nil
}

// query sends one query and checks that the answer has a record; for AAAA that there is none.
func (m *machine) query(name string, kind uint16) error {
	server, err := netip.ParseAddr(m.server)
	if err != nil {
		return err
	}
	socket, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.ParseIP(m.Address)}, net.UDPAddrFromAddrPort(netip.AddrPortFrom(server, 53)))
	if err != nil {
		return err
	}
	defer socket.Close()
	id := uint16(rand.Uint32())
	message := binary.BigEndian.AppendUint16(nil, id)
	message = append(message, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1)
	for _, label := range strings.Split(name, ".") {
		message = append(append(message, byte(len(label))), label...)
	}
	message = binary.BigEndian.AppendUint16(append(message, 0), kind)
	// Class IN, then EDNS with 1232 octets (RFC 6891).
	message = append(message, 0, 1, 0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0)
	answer := make([]byte, 1500)
	for attempt := range 3 {
		if attempt > 0 {
			m.rack.countRepeated("DNS")
		}
		if _, err := socket.Write(message); err != nil {
			return err
		}
		_ = socket.SetReadDeadline(time.Now().Add(5 * time.Second))
		length, err := socket.Read(answer)
		if err != nil || length < 12 || binary.BigEndian.Uint16(answer) != id {
			continue
		}
		code, records := answer[3]&15, binary.BigEndian.Uint16(answer[6:])
		if code != 0 || (records == 0) != (kind == typeAAAA) {
			return fmt.Errorf("%s: response code %d, %d records", name, code, records)
		}
		return nil
	}
	return fmt.Errorf("%s: no answer", name)
}
