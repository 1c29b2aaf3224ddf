package dev.baton.examples.servers.quarkus;

import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;

/** Says hello. */
@Path("/")
@Produces(MediaType.TEXT_PLAIN)
public class HelloResource {
    /** {@return hello} */
    @GET
    public String hello() {
        return "Hello, world!\n";
    }

    /**
     * Takes its time first.
     *
     * @param ms for how many milliseconds
     * @return hello
     * @throws InterruptedException if it is interrupted
     */
    @GET
    @Path("slow")
    public String slow(@QueryParam("ms") long ms) throws InterruptedException {
        Thread.sleep(ms);
        return "Hello, world!\n";
    }
}
