package dev.baton.examples.servers.grpc;

import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.stub.StreamObserver;
import io.grpc.testing.protobuf.SimpleRequest;
import io.grpc.testing.protobuf.SimpleResponse;
import io.grpc.testing.protobuf.SimpleServiceGrpc;
import java.io.IOException;
import java.util.concurrent.TimeUnit;

/** gRPC: {@code java GrpcServer PORT}. The request says for how many milliseconds to work before the answer. */
public final class GrpcServer {
    private static final long STOP_TIMEOUT_SECONDS = 30;

    private GrpcServer() {}

    /**
     * Starts it.
     *
     * @param arguments the port
     * @throws IOException if it cannot listen there
     * @throws InterruptedException if it is interrupted
     */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        var server = Grpc.newServerBuilderForPort(Integer.parseInt(arguments[0]), InsecureServerCredentials.create())
                .addService(new Hello())
                .build()
                .start();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(server)));
        server.awaitTermination();
    }

    private static void stop(Server server) {
        try {
            var _ = server.shutdown().awaitTermination(STOP_TIMEOUT_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            var _ = server.shutdownNow();
        }
    }

    private static final class Hello extends SimpleServiceGrpc.SimpleServiceImplBase {
        @Override
        public void unaryRpc(SimpleRequest request, StreamObserver<SimpleResponse> response) {
            try {
                Thread.sleep(Long.parseLong(request.getRequestMessage()));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            response.onNext(SimpleResponse.newBuilder()
                    .setResponseMessage("Hello, world!\n")
                    .build());
            response.onCompleted();
        }
    }
}
