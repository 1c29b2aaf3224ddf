package dev.baton.examples.servers;

import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.file.Files;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.startup.Tomcat;

/** Embedded Tomcat: {@code java TomcatServer PORT}. */
public final class TomcatServer {
    private TomcatServer() {}

    /**
     * Starts it.
     *
     * @param arguments the port
     * @throws IOException if no directory can be had
     * @throws LifecycleException if Tomcat does not start
     */
    public static void main(String[] arguments) throws IOException, LifecycleException {
        var tomcat = new Tomcat();
        tomcat.setBaseDir(Files.createTempDirectory("tomcat").toString());
        tomcat.setPort(Integer.parseInt(arguments[0]));
        var _ = tomcat.getConnector();
        var context = tomcat.addContext("", null);
        Tomcat.addServlet(context, "hello", new Hello()).addMapping("/*");
        tomcat.start();
        tomcat.getServer().await();
    }

    private static final class Hello extends HttpServlet {
        private static final long serialVersionUID = 1L;

        @Override
        protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
            Slow.work(request.getParameter("ms"));
            response.setContentType("text/plain");
            response.getWriter().print("Hello, world!\n");
        }
    }
}
