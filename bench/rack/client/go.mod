module rack-client

go 1.24
