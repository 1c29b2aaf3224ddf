package java.lang;

/** See {@link BatonTransportNatives}. */
public final class BatonTransportPolls extends BatonTransportNatives.Polls {
    public BatonTransportPolls() {}

    @Override
    public int add(int instance, int number, int events) {
        return BatonTransportNatives.epollCtlAdd0(instance, number, events);
    }

    @Override
    public int modify(int instance, int number, int events) {
        return BatonTransportNatives.epollCtlMod0(instance, number, events);
    }

    @Override
    public int delete(int instance, int number) {
        return BatonTransportNatives.epollCtlDel0(instance, number);
    }
}
