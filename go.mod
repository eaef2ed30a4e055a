module github.com/imagevet/imagevet

go 1.26.0
