package bench

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// constant is where bare servers send everybody: a URL as long as a campaign's are.
const constant = "https://shop.example/spring/collection?utm_source=mail&utm_campaign=spring"

// BareGin is the least that a redirector on gin does: a route, a constant Location, no lookup, no record.
func BareGin() http.Handler {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	redirect := func(c *gin.Context) {
		c.Header("Location", constant)
		c.Status(http.StatusFound)
	}
	e.GET("/:code", redirect)
	e.GET("/:code/:token", redirect)
	return e
}
