package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
)

// The messages and options of DHCPv6 (RFC 8415 §7.3, §21).
const (
	solicit   = 1
	advertise = 2
	request6  = 3
	reply6    = 7

	optionClientID = 1
	optionServerID = 2
	optionAddress  = 5
	optionIANA     = 3

	// An IA_NA has an IAID and two times before its options.
	iaHeader = 12
)

// v6 is on the link of the server. An exchange has two transaction IDs: twice its number plus a random one, and the next.
type v6 struct {
	firstXid uint32
	solicits [][]byte
	// ids are the client identifiers as options.
	ids [][]byte
}

func openLink(macs []net.HardwareAddr, link string) (protocol, *socket, error) {
	own, index, err := linkLocal(link)
	if err != nil {
		return nil, nil, err
	}
	servers := netip.MustParseAddr("ff02::1:2")
	opened, err := openSocket(netip.AddrPortFrom(own, 546), netip.AddrPortFrom(servers, 547), index)
	client := &v6{firstXid: rand.Uint32()}
	for _, mac := range macs {
		id := append([]byte{0, optionClientID, 0, 10, 0, 3, 0, 1}, mac...)
		message := append([]byte{solicit, 0, 0, 0}, id...)
		// IA_NA, option request, and elapsed time.
		message = append(message, 0, optionIANA, 0, iaHeader, 0, 0, 0, 1, 0, 0, 0x0e, 0x10, 0, 0, 0x15, 0x18)
		message = append(message, 0, 6, 0, 4, 0, 23, 0, 24, 0, 8, 0, 2, 0, 0)
		client.ids, client.solicits = append(client.ids, id), append(client.solicits, message)
	}
	return client, opened, err
}

func linkLocal(name string) (netip.Addr, int, error) {
	link, err := net.InterfaceByName(name)
	if err != nil {
		return netip.Addr{}, 0, err
	}
	addresses, err := link.Addrs()
	if err != nil {
		return netip.Addr{}, 0, err
	}
	for _, each := range addresses {
		prefix, err := netip.ParsePrefix(each.String())
		if err == nil && prefix.Addr().Is6() && prefix.Addr().IsLinkLocalUnicast() {
			return prefix.Addr(), link.Index, nil
		}
	}
	return netip.Addr{}, 0, fmt.Errorf("%s has no link-local IPv6 address", name)
}

func (c *v6) start(buffer []byte, exchange, machine int) int {
	length := copy(buffer, c.solicits[machine])
	putXid(buffer, c.firstXid+2*uint32(exchange))
	return length
}

func (c *v6) read(message []byte) (int, reply) {
	if len(message) < 4 {
		return 0, other
	}
	xid := binary.BigEndian.Uint32(message) & 0xff_ffff
	distance := int((xid - c.firstXid) & 0xff_ffff)
	_, isIdentified := v6Option(message[4:], optionServerID)
	ia, _ := v6Option(message[4:], optionIANA)
	if !isIdentified || len(ia) < 4+iaHeader {
		return 0, other
	}
	if _, hasAddress := v6Option(ia[4+iaHeader:], optionAddress); !hasAddress {
		return 0, other
	}
	switch {
	case message[0] == advertise && distance%2 == 0:
		return distance / 2, offers
	case message[0] == reply6 && distance%2 == 1:
		return distance / 2, grants
	}
	return 0, other
}

func (c *v6) request(buffer []byte, exchange, machine int, offered []byte) int {
	buffer[0] = request6
	putXid(buffer, c.firstXid+2*uint32(exchange)+1)
	server, _ := v6Option(offered[4:], optionServerID)
	ia, _ := v6Option(offered[4:], optionIANA)
	length := 4
	for _, part := range [][]byte{c.ids[machine], server, ia, elapsedZero} {
		length += copy(buffer[length:], part)
	}
	return length
}

var elapsedZero = []byte{0, 8, 0, 2, 0, 0}

// putXid leaves the message type as it is.
func putXid(message []byte, xid uint32) {
	message[1], message[2], message[3] = byte(xid>>16), byte(xid>>8), byte(xid)
}

// v6Option returns an option with its code and length.
func v6Option(options []byte, code uint16) ([]byte, bool) {
	for at := 0; at+4 <= len(options); {
		end := at + 4 + int(binary.BigEndian.Uint16(options[at+2:]))
		if end > len(options) {
			return nil, false
		}
		if binary.BigEndian.Uint16(options[at:]) == code {
			return options[at:end], true
		}
		at = end
	}
	return nil, false
}
