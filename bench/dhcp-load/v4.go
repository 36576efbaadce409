package main

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
)

// The messages of DHCPv4 (RFC 2131 §2), and their options (RFC 2132).
const (
	bootReply   = 2
	optionsAt   = 240
	optionType  = 53
	optionOwner = 54
	discover    = 1
	offer       = 2
	request     = 3
	ack         = 5
)

// v4 is a relay agent. The transaction ID of an exchange is its number plus a random one.
type v4 struct {
	firstXid uint32
	// discovers and requests are the messages of each machine, without what differs between its exchanges.
	discovers, requests [][]byte
}

// addressAt is the place of the requested address in a REQUEST, and ownerAt that of the server identifier.
const (
	addressAt = optionsAt + 3 + 2
	ownerAt   = addressAt + 4 + 2
)

func openRelay(macs []net.HardwareAddr, relay, server string) (protocol, *socket, error) {
	own, err := netip.ParseAddr(relay)
	if err != nil {
		return nil, nil, err
	}
	to, err := netip.ParseAddr(server)
	if err != nil {
		return nil, nil, err
	}
	opened, err := openSocket(netip.AddrPortFrom(own, 67), netip.AddrPortFrom(to, 67), 0)
	client := &v4{firstXid: rand.Uint32()}
	for _, mac := range macs {
		client.discovers = append(client.discovers, v4Message(own, mac, []byte{optionType, 1, discover}))
		client.requests = append(client.requests, v4Message(own, mac, []byte{
			optionType, 1, request, 50, 4, 0, 0, 0, 0, optionOwner, 4, 0, 0, 0, 0,
		}))
	}
	return client, opened, err
}

// v4Message returns a message with the given first options. The others are those of perfdhcp: parameter requests and client
// identifier.
func v4Message(relay netip.Addr, mac net.HardwareAddr, options []byte) []byte {
	message := make([]byte, optionsAt)
	copy(message, []byte{1, 1, 6, 1})
	copy(message[24:], relay.AsSlice())
	copy(message[28:], mac)
	copy(message[236:], []byte{0x63, 0x82, 0x53, 0x63})
	message = append(message, options...)
	message = append(message, 55, 7, 1, 28, 2, 3, 15, 6, 12, 61, 7, 1)
	return append(append(message, mac...), 255)
}

func (c *v4) start(buffer []byte, exchange, machine int) int {
	length := copy(buffer, c.discovers[machine])
	binary.BigEndian.PutUint32(buffer[4:], c.firstXid+uint32(exchange))
	return length
}

func (c *v4) read(message []byte) (int, reply) {
	if len(message) < optionsAt || message[0] != bootReply {
		return 0, other
	}
	number := int(binary.BigEndian.Uint32(message[4:]) - c.firstXid)
	kind := v4Option(message, optionType)
	switch {
	case bytes.Equal(kind, []byte{offer}) && len(v4Option(message, optionOwner)) == 4:
		return number, offers
	case bytes.Equal(kind, []byte{ack}):
		return number, grants
	}
	return number, other
}

func (c *v4) request(buffer []byte, exchange, machine int, offered []byte) int {
	length := copy(buffer, c.requests[machine])
	binary.BigEndian.PutUint32(buffer[4:], c.firstXid+uint32(exchange))
	copy(buffer[addressAt:], offered[16:20])
	copy(buffer[ownerAt:], v4Option(offered, optionOwner))
	return length
}

// v4Option returns the value of an option, or nil.
func v4Option(message []byte, code byte) []byte {
	for at := optionsAt; at+1 < len(message) && message[at] != 255; {
		if message[at] == 0 {
			at++
			continue
		}
		end := at + 2 + int(message[at+1])
		if end > len(message) {
			return nil
		}
		if message[at] == code {
			return message[at+2 : end]
		}
		at = end
	}
	return nil
}
